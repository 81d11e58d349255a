"""Made tissue: it has no border, moves exactly, hangs together in depth, and its cells are those of a search among all."""

import numpy as np
import pytest

from pipelines.pictures import tissue
from pipelines.pictures.tissue import Tissue, made_volume


@pytest.fixture(scope="module")
def block():
    return Tissue(5)


def test_a_seed_is_a_tissue(block):
    assert np.array_equal(block.section(7, (40, 50)), Tissue(5).section(7, (40, 50)))
    assert np.abs(block.section(7, (40, 50)) - Tissue(6).section(7, (40, 50))).mean() > 20


def test_moved_by_whole_pixels_it_shows_the_same(block):
    still, moved = block.section(3, (60, 80)), block.section(3, (60, 80), 0.0, (5, -7))
    assert np.abs(moved[:53, 5:] - still[7:, :75]).max() < 0.02


def test_a_quarter_turn_is_that_of_the_picture(block):
    """Counter-clockwise as displayed, about the middle of the frame."""
    away = np.abs(block.section(3, (60, 60), 90.0) - np.rot90(block.section(3, (60, 60))))
    assert away.max() < 0.05


def test_the_three_axes_meet(block):
    column = block.at(np.stack([np.arange(20.0), np.full(20, 4.0), np.full(20, -3.0)], 1))
    frame = (41, 41)  # whose middle is the origin
    sections = [block.section(z, frame)[20 + 4, 20 - 3] for z in range(20)]
    assert np.abs(column - sections).max() < 0.02


def test_the_nearest_cell_is_that_of_a_search_among_all(block):
    places = np.float32(np.random.default_rng(1).uniform(-3, 3, (400, 3)))
    first, second, name = block._cells(places)
    cubes = np.stack(np.meshgrid(*[np.arange(-6, 7)] * 3, indexing="ij"), -1).reshape(-1, 3)
    names = tissue._names(cubes, block._seed)
    middles = cubes + tissue._three(names, 0.15, 0.85)
    distance = np.linalg.norm(places[:, None] - middles, axis=2)
    order = np.sort(distance, axis=1)
    assert np.abs(first - order[:, 0]).max() < 1e-5
    assert np.mean(np.abs(second - order[:, 1]) < 1e-5) > 0.98  # the second may lie two cubes away
    assert np.array_equal(name, names[distance.argmin(1)])


def test_sections_hang_together_as_those_of_a_microscope_do(block):
    def likeness(first, second):
        return np.corrcoef(block.section(first, (96, 96)).ravel(), block.section(second, (96, 96)).ravel())[0, 1]

    assert likeness(0, 1) > 0.95
    assert 0.8 > likeness(0, 6) > 0.4
    assert abs(likeness(0, 200)) < 0.2


def test_the_detector_counts_electrons():
    """Noise by its square root, 12 at the grey value 128; 8 bits; as many sections as asked for."""
    volume = made_volume(2, (64, 64), seed=1, step=3.0)
    clean = Tissue(1).section(3.0, (64, 64))
    assert volume.shape == (2, 64, 64) and volume.dtype == np.uint8
    grain = (volume[1] - clean) / np.sqrt(clean / 128.0)
    assert grain.std() == pytest.approx(12.0, rel=0.05)
    assert abs(grain.mean()) < 0.6

"""A network over the planes of a volume: places, tiles and chunks, both directions."""

import numpy as np
import pytest

from pipelines.pictures.tissue import made_volume
from udl_tf.networks.sections.alignment import SectionAlignmentConfig, alignment
from udl_tf.networks.sections.superresolution import SectionBlocksConfig, SectionSuperresolutionConfig, superresolution
from udl_tf.volumes.finer_network import FinerNetwork, _reflected
from udl_tf.volumes.slices import Scale

SIZES = {"coarse_modules": 1, "fine_modules": 1, "maps": 4, "norm": False}


@pytest.fixture(scope="module")
def volume():
    return made_volume(7, (34, 41), seed=5, step=3.0)


@pytest.mark.parametrize(("factor", "beside"), [(2, 0), (3, 1)])
def test_a_silent_network_gives_the_line_between_sections(volume, factor, beside):
    config = SectionSuperresolutionConfig(factor=factor, beside=beside, residual=True, **SIZES)
    finer = FinerNetwork(superresolution(config), config, Scale.of(volume))
    made = list(finer.between(volume.__getitem__, 7, chunk=4, tile=20))
    assert len(made) == 6 * (factor - 1)
    for number, section in enumerate(made):
        step, part = divmod(number, factor - 1)
        part = (part + 1) / factor
        line = (1 - part) * np.float32(volume[step]) + part * np.float32(volume[step + 1])
        np.testing.assert_allclose(section, line, atol=1e-3)


def test_tiles_and_chunks_are_as_one_piece(volume):
    config = SectionSuperresolutionConfig(factor=3, beside=1, **SIZES)
    finer = FinerNetwork(superresolution(config), config, Scale.of(volume))
    whole = np.stack(list(finer.between(volume.__getitem__, 7)))
    parts = np.stack(list(finer.between(volume.__getitem__, 7, chunk=2, tile=16)))
    assert whole.shape == (12, 34, 41) and whole.std() > 0.1 * volume.std()
    np.testing.assert_allclose(parts, whole, atol=1e-5 * volume.std() * 10)


def test_both_directions_have_the_same_say(volume):
    """A volume turned by a quarter about its axis is made turned by a quarter."""
    config = SectionSuperresolutionConfig(factor=3, beside=1, **SIZES)
    finer = FinerNetwork(superresolution(config), config, Scale.of(volume))
    made = np.stack(list(finer.between(volume.__getitem__, 7)))
    across = volume.transpose(0, 2, 1)
    np.testing.assert_allclose(np.stack(list(finer.between(across.__getitem__, 7))).transpose(0, 2, 1), made, atol=1e-3)


def test_a_network_with_a_discriminator_is_not_averaged(volume):
    """Turned by a quarter it makes something else."""
    config = SectionSuperresolutionConfig(factor=2, adversarial=0.1, **SIZES)
    finer = FinerNetwork(superresolution(config), config, Scale.of(volume))
    made = next(finer.between(volume.__getitem__, 7))
    across = volume.transpose(0, 2, 1)
    assert np.abs(next(finer.between(across.__getitem__, 7)).T - made).mean() > 0.05 * volume.std()


@pytest.mark.parametrize("kind", ["alignment", "blocks"])
def test_blocks_lie_where_their_sections_are(volume, kind):
    """Silent networks give the sections, and what lies on the line between them; others in parts what they give in one piece."""
    if kind == "blocks":
        options, build = {"factor": 2, **SIZES}, superresolution
        silent, other = (SectionBlocksConfig(residual=residual, **options) for residual in (True, False))
    else:
        options, build = {"modules": 1, "maps": 3, "norm": False}, alignment
        silent, other = (SectionAlignmentConfig(residual=residual, **options) for residual in (True, False))
    scale, places = Scale.of(volume), np.arange(6 * silent.factor + 1) / silent.factor
    planes = FinerNetwork(build(silent), silent, scale).planes(volume.__getitem__, 7, chunk=4, tile=24)
    low = np.minimum(places.astype(int), 5)
    part = (places - low)[:, None, None]
    line = (1 - part) * np.float32(volume[low]) + part * np.float32(volume[low + 1])
    np.testing.assert_allclose(np.stack(list(planes)), line, atol=1e-3)
    network = FinerNetwork(build(other), other, scale)
    whole, parts = (np.stack(list(network.planes(volume.__getitem__, 7, *size))) for size in ((), (2, 16)))
    assert whole.shape == (len(places), 34, 41) and whole.std() > 0.1 * volume.std()
    np.testing.assert_allclose(parts, whole, atol=1e-5 * volume.std() * 10)


def test_numbers_beyond_the_ends_are_reflected():
    assert _reflected(np.arange(-4, 8), 4).tolist() == [2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]
    assert _reflected(np.arange(-2, 3), 1).tolist() == [0] * 5

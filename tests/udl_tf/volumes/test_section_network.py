"""A trained network over whole sections: tiles are as one piece, grey values come back, and who makes what of a volume."""

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.pictures.tissue import made_volume
from udl_tf.networks.sections.interpolation import SectionInterpolationConfig, interpolation
from udl_tf.volumes.between import between
from udl_tf.volumes.filling import Filling
from udl_tf.volumes.section_network import SectionNetwork, tiled
from udl_tf.volumes.sharpness import band_power
from udl_tf.volumes.slices import Scale, slices_of


@pytest.fixture(scope="module")
def volume():
    return made_volume(12, (90, 110), seed=31, step=2.0)


@pytest.mark.parametrize(("block", "front"), [(1, "none"), (2, "flow")])
def test_tiles_are_as_one_piece(volume, block, front):
    config = SectionInterpolationConfig(slice_modules=1, fused_modules=1, maps=6, block=block, front=front)
    network = SectionNetwork(interpolation(config), config, Scale.of(volume))
    whole, tiles = (network.made(volume[2], volume[4], tile) for tile in (128, 40))
    assert whole.shape == (90, 110) and whole.std() > 1.0
    np.testing.assert_allclose(tiles, whole, atol=1e-5 * volume.std())


def test_beyond_the_border_sections_are_reflected():
    planes = np.random.default_rng(0).normal(size=(21, 33, 1)).astype(np.float32)

    def around(cut):  # the mean of what lies three pixels above and below
        return 0.5 * (cut[:, :-6, 3:-3, 0] + cut[:, 6:, 3:-3, 0])

    padded = np.pad(planes[..., 0], ((3, 3), (0, 0)), "reflect")
    for tile in (64, 8):
        np.testing.assert_allclose(tiled(around, planes, 3, 2, tile), 0.5 * (padded[:-6] + padded[6:]), atol=1e-6)


def test_a_silent_network_gives_the_mean_of_what_it_sees(volume):
    config = SectionInterpolationConfig(slice_modules=1, fused_modules=1, maps=6, residual=True, norm=False, front="flow")
    network = SectionNetwork(interpolation(config), config, Scale.of(volume))
    made, mixture = network.made(volume[2], volume[4]), between(volume[2], volume[4]).section
    np.testing.assert_allclose(made, mixture, atol=1e-3)
    filling = Filling(volume.__getitem__, 12, [3, 7, 8], network=network)
    flow = Filling(volume.__getitem__, 12, [3, 7, 8])
    for number in (3, 7):
        np.testing.assert_allclose(filling.make(number).section, flow.make(number).section, atol=1e-3)
        np.testing.assert_allclose(filling.make(number).sigma, flow.make(number).sigma, rtol=1e-3)


class Seven:
    """Makes sections of one grey value."""

    def made(self, before, after):
        return np.full(before.shape, 7.0, np.float32)


def test_the_network_makes_single_sections_and_errors_are_learned_of_what_it_makes(volume):
    filling = Filling(volume.__getitem__, 12, [3, 7, 8], network=Seven())
    flow = Filling(volume.__getitem__, 12, [3, 7, 8])
    one = filling.make(3)
    assert (one.section == 7.0).all() and (filling.again(5).section == 7.0).all()
    assert np.sqrt(np.square(one.sigma).mean()) == pytest.approx(np.sqrt(np.square(volume - 7.0).mean()), rel=0.1)
    assert np.array_equal(filling.make(7).section, flow.make(7).section)


def test_scale():
    scale = Scale.of([np.full((2, 2), 10, np.uint8), np.full((2, 2), 14, np.uint8)])
    assert (scale.level, scale.spread) == (12.0, 2.0)
    assert scale.normal(np.uint8([16])) == [2.0] and scale.grey(np.float32([2.0])) == [16.0]
    with pytest.raises(InputError, match="one grey value"):
        Scale.of([np.full((2, 2), 10, np.uint8)])


def test_slices_are_the_neighbours(volume):
    assert np.array_equal(slices_of(volume[0], volume[2], "none"), volume[[0, 2]].transpose(1, 2, 0))
    halfway = slices_of(volume[0], volume[2], "flow")
    np.testing.assert_allclose(halfway.mean(-1), between(volume[0], volume[2]).section, atol=1e-4)
    assert np.abs(np.diff(halfway)).mean() < np.abs(np.float32(volume[0]) - volume[2]).mean()


def test_power_of_waves_lies_in_their_band():
    x = np.arange(64)
    slow, fast = (np.tile(np.cos(2 * np.pi * f * x), (64, 1)) for f in (0.1875, 0.375))
    assert band_power(slow)[0] > 1e5 * band_power(slow)[1] and band_power(fast)[1] > 1e5 * band_power(fast)[0]
    assert band_power(2 * slow)[0] == pytest.approx(4 * band_power(slow)[0])

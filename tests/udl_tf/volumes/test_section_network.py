"""A trained network over whole sections: tiles are as one piece, grey values come back, and who makes what of a volume."""

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.pictures.tissue import made_volume
from udl_tf.networks.sections.interpolation import SectionInterpolationConfig, interpolation
from udl_tf.volumes.between import between
from udl_tf.volumes.filling import Filling
from udl_tf.volumes.network_filling import NetworkFilling
from udl_tf.volumes.section_network import SectionNetwork, tiled
from udl_tf.volumes.sharpness import band_power
from udl_tf.volumes.slices import FRONTS, Scale, around, slices_of


@pytest.fixture(scope="module")
def volume():
    return made_volume(12, (90, 110), seed=31, step=2.0)


@pytest.mark.parametrize(("block", "front"), [(1, "none"), (2, "wide")])
def test_tiles_are_as_one_piece(volume, block, front):
    config = SectionInterpolationConfig(slice_modules=1, fused_modules=1, maps=6, block=block, front=front)
    network = SectionNetwork(interpolation(config), config, Scale.of(volume))
    sections = [volume[k] for k in network.around(3)]
    whole, tiles = (network.made(sections, tile) for tile in (128, 40))
    assert whole.shape == (90, 110) and whole.std() > 1.0
    np.testing.assert_allclose(tiles, whole, atol=1e-5 * volume.std())


def test_beyond_the_border_sections_are_reflected():
    planes = np.random.default_rng(0).normal(size=(21, 33, 1)).astype(np.float32)

    def around(cut):  # the mean of what lies three pixels above and below
        return 0.5 * (cut[:, :-6, 3:-3, 0] + cut[:, 6:, 3:-3, 0])

    padded = np.pad(planes[..., 0], ((3, 3), (0, 0)), "reflect")
    for tile in (64, 8):
        np.testing.assert_allclose(tiled(around, planes, 3, 2, tile), 0.5 * (padded[:-6] + padded[6:]), atol=1e-6)


@pytest.mark.parametrize("front", ["flow", "wide"])
def test_a_silent_network_gives_the_mean_of_what_it_sees(volume, front):
    config = SectionInterpolationConfig(slice_modules=1, fused_modules=1, maps=6, residual="mean", norm=False, front=front)
    network = SectionNetwork(interpolation(config), config, Scale.of(volume))
    made = network.made([volume[k] for k in network.around(5)])
    np.testing.assert_allclose(made, between(volume[4], volume[6]).section, atol=1e-3)
    filling, flow = NetworkFilling(network, volume.__getitem__, 12, [5]), Filling(volume.__getitem__, 12, [5])
    one, other = filling.make(5), flow.make(5)
    np.testing.assert_allclose(one.section, other.section, atol=1e-3)
    assert one.sigma.mean() == pytest.approx(other.sigma.mean(), rel=0.1)


class Seven:
    """Makes sections of one grey value."""

    def around(self, number):
        return [number - 1, number + 1]

    def made(self, sections):
        return np.full(sections[0].shape, 7.0, np.float32)


def test_the_network_makes_what_it_can_and_errors_are_of_what_it_makes(volume):
    filling = NetworkFilling(Seven(), volume.__getitem__, 12, [3, 7, 8])
    flow = Filling(volume.__getitem__, 12, [3, 7, 8])
    one = filling.make(3)
    assert (one.section == 7.0).all() and (one.before, one.after) == (2, 4)
    assert np.sqrt(np.square(one.sigma).mean()) == pytest.approx(np.sqrt(np.square(volume - 7.0).mean()), rel=0.1)
    assert np.array_equal(filling.make(7).section, flow.make(7).section)


def test_scale():
    scale = Scale.of([np.full((2, 2), 10, np.uint8), np.full((2, 2), 14, np.uint8)])
    assert (scale.level, scale.spread) == (12.0, 2.0)
    assert scale.normal(np.uint8([16])) == [2.0] and scale.grey(np.float32([2.0])) == [16.0]
    with pytest.raises(InputError, match="one grey value"):
        Scale.of([np.full((2, 2), 10, np.uint8)])


def test_slices_are_the_neighbours(volume):
    assert np.array_equal(slices_of(volume[[0, 2]], "none"), volume[[0, 2]].transpose(1, 2, 0))
    halfway = slices_of(volume[[0, 2]], "flow")
    np.testing.assert_allclose(halfway.mean(-1), between(volume[0], volume[2]).section, atol=1e-4)
    assert np.abs(np.diff(halfway)).mean() < np.abs(np.float32(volume[0]) - volume[2]).mean()
    assert around(3, "wide") == [1, 2, 4, 5] and around(3, "flow") == [2, 4]
    wide = slices_of(volume[around(3, "wide")], "wide")
    assert np.array_equal(wide[..., [0, 1, 4, 5]], volume[[1, 2, 4, 5]].transpose(1, 2, 0))
    assert np.array_equal(wide[..., 2:4], slices_of(volume[[2, 4]], "flow"))
    back = slices_of(volume[[5, 4, 2, 1]], "wide")
    np.testing.assert_allclose(back[..., ::-1], wide, atol=1e-3)


@pytest.mark.parametrize("front", FRONTS)
def test_networks_know_how_many_slices_there_are(front):
    assert SectionInterpolationConfig(front=front).slices == FRONTS[front].slices


def test_power_of_waves_lies_in_their_band():
    x = np.arange(64)
    slow, fast = (np.tile(np.cos(2 * np.pi * f * x), (64, 1)) for f in (0.1875, 0.375))
    assert band_power(slow)[0] > 1e5 * band_power(slow)[1] and band_power(fast)[1] > 1e5 * band_power(fast)[0]
    assert band_power(2 * slow)[0] == pytest.approx(4 * band_power(slow)[0])

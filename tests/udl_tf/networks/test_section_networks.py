"""Networks on sections: sizes, places, and what is linear in them, against the same written out."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from udl_tf.networks.sections.alignment import SectionAlignmentConfig, alignment
from udl_tf.networks.sections.discriminator import Discriminator
from udl_tf.networks.sections.interpolation import SectionInterpolationConfig, interpolation
from udl_tf.networks.sections.planes import AlongSections
from udl_tf.networks.sections.slices import FoldSlices, JoinSlices, Unblock
from udl_tf.networks.sections.superresolution import SectionBlocksConfig, SectionSuperresolutionConfig, superresolution

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def weights():
    tf.keras.utils.set_random_seed(1)


def test_the_sources_figures():
    """Section 3.1: two modules a slice, one convolution that fuses, three modules; fifty maps, but for the output."""
    network = interpolation(SectionInterpolationConfig())
    convolutions = [layer for layer in network.layers if isinstance(layer, tf.keras.layers.Conv2D)]
    assert {layer.filters for layer in convolutions} == {50, 1}
    assert [layer.kernel_size for layer in convolutions].count((3, 3)) == 2 * 2 + 1 + 3 * 2
    weights = {"first": 9 * 50 + 50, "plain": 9 * 50 * 50 + 50, "fuse": 9 * 100 * 50 + 50, "last": 9 * 50 + 1}
    skips = 50 + 50  # from one map to fifty, and back
    norms = 2 * (50 * 8 + 100)  # before every convolution but the first
    trainable = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
    assert trainable == weights["first"] + 8 * weights["plain"] + weights["fuse"] + weights["last"] + skips + norms + 2 * 50
    assert network.output_shape == (None, None, None)


@pytest.mark.parametrize("block", [1, 2])
def test_the_section_is_smaller_by_the_margin(block):
    config = SectionInterpolationConfig(slice_modules=1, fused_modules=1, maps=16, block=block)
    network, side = interpolation(config), 2 * config.margin + 6
    assert config.margin == block * 5
    slices = RNG.normal(size=(1, side, side + 2, 2)).astype(np.float32)
    found = network(slices).numpy()
    assert found.shape == (1, 6, 8)
    slices[0, 0, 0] += 9.0  # the corner is seen by the first square of the output, by nothing else
    changed = np.abs(network(slices).numpy() - found)[0] > 1e-7
    assert changed[:block, :block].any() and not changed[block:].any() and not changed[:, block:].any()


def test_a_residual_network_begins_with_the_mean():
    config = SectionInterpolationConfig(slice_modules=1, fused_modules=1, maps=5, block=2, residual="mean", norm=False)
    slices = RNG.normal(size=(2, 28, 30, 2)).astype(np.float32)
    np.testing.assert_allclose(interpolation(config)(slices), slices.mean(-1)[:, 10:-10, 10:-10], atol=1e-6)


def test_fused_slices_are_a_convolution_in_three_dimensions():
    slices = RNG.normal(size=(2, 8, 9, 3)).astype(np.float32)
    kernel = RNG.normal(size=(3, 3, 3, 1, 4)).astype(np.float32)  # slices, height, width
    three = tf.nn.conv3d(slices.transpose(0, 3, 1, 2)[..., None], kernel, [1] * 5, "VALID")[:, 0]
    joined = JoinSlices(3)(FoldSlices()(slices))
    two = tf.nn.conv2d(joined, kernel[..., 0, :].transpose(1, 2, 0, 3), 1, "VALID")
    np.testing.assert_allclose(two, three, atol=1e-5)


def test_blocks_become_channels_and_come_back():
    slices = RNG.normal(size=(2, 6, 8, 2)).astype(np.float32)
    folded = FoldSlices(2)(slices)
    assert folded.shape == (4, 3, 4, 4)
    np.testing.assert_array_equal(folded[1, 0, 0], slices[0, :2, :2, 1].ravel())
    np.testing.assert_array_equal(Unblock(2)(folded)[3], slices[1, ..., 1])


def test_slices_look_alike_to_the_discriminator():
    judge = Discriminator(16, 2, (2, 3), 4, 0.5)
    slices = RNG.normal(size=(3, 16, 16, 2)).astype(np.float32)
    assert judge(slices).shape == (3,)
    parts = [judge.slice_network(slices[..., k : k + 1]) for k in range(2)]
    np.testing.assert_allclose(judge(slices), judge.verdict(tf.concat(parts, -1))[:, 0], atol=1e-6)
    first, again, other = (judge(slices, tf.constant([1, seed])).numpy() for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_planes_between_sections_lie_on_the_line():
    sections = RNG.normal(size=(1, 9, 7, 3)).astype(np.float32)
    found = AlongSections(3, 4, -10, 2)(sections)
    assert found.shape == (1, 17, 3)
    for plane in range(17):
        place = (plane + 4) / 3
        low, part = int(place), place % 1
        true = (1 - part) * sections[0, low, 2:-2, 1] + part * sections[0, low + 1, 2:-2, 1]
        np.testing.assert_allclose(found[0, plane], true, atol=1e-6)


@pytest.mark.parametrize("factor", [2, 3])
def test_planes_of_super_resolution_are_told_of_their_places(factor):
    """A section at place `factor i` is seen by the planes about it, as far on both sides."""
    config = SectionSuperresolutionConfig(
        factor=factor, beside=1, coarse_modules=1, fine_modules=1, maps=3, norm=False, residual=True
    )
    network, middle = superresolution(config), 7
    sections = RNG.normal(size=(1, 15, 14, 3)).astype(np.float32)
    assert network(sections).shape == (1, config.length(15), 14 - 2 * config.margin) == (1, 11 * factor - 4, 6)
    np.testing.assert_allclose(
        network(sections), AlongSections(factor, config.first, config.length(0), config.margin)(sections), atol=1e-6
    )
    for weight in network.weights:  # what is silent at first speaks
        weight.assign(RNG.normal(size=weight.shape))
    found = network(sections).numpy()
    sections[0, middle] += 5.0
    seen = np.flatnonzero(np.abs(network(sections).numpy() - found).max((0, 2)) > 1e-3) + config.first - factor * middle
    reach = 2 * factor + 2 + (factor - 1) // 2
    assert seen.max() == reach + (factor % 2 == 0) and seen.min() == -reach


def test_blocks_in_three_dimensions():
    config = SectionBlocksConfig(factor=2, coarse_modules=1, fine_modules=1, maps=2, residual=True)
    block = RNG.normal(size=(1, 8, 12, 13, 1)).astype(np.float32)
    assert superresolution(config)(block).shape == (1, config.length(8), 4, 5) == (1, 4, 4, 5)
    config = SectionAlignmentConfig(modules=1, maps=2, residual=True)
    np.testing.assert_allclose(alignment(config)(block), block[:, 2:-2, 2:-2, 2:-2, 0], atol=1e-6)


def test_what_cannot_be_built():
    with pytest.raises(InputError, match="front of sections: received 'dis', expected one of none, flow, wide"):
        interpolation(SectionInterpolationConfig(front="dis"))
    with pytest.raises(InputError, match="received 1 planes beside"):
        superresolution(SectionBlocksConfig(beside=1))

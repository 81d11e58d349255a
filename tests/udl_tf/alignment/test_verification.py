"""The right one of several hypotheses, on pictures whose pose is exact."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.spectra import spectral_plane
from udl_tf.alignment.proposal import Hypotheses
from udl_tf.alignment.spectral_refinement import SpectralRefinement
from udl_tf.alignment.verification import verify
from udl_tf.networks.window import soft_disc, windowed

HIGHEST = 20
ANGLE = np.array([20.0, -100.0, 178.0, 65.0])
SHIFT = np.array([[1.0, -2.0], [0.0, 0.0], [-2.0, 2.0], [3.0, 0.0]])


@pytest.fixture(scope="module")
def verified():
    """Images and hypotheses to `Verified` in NumPy."""
    refinement, disc = SpectralRefinement(64, HIGHEST), tf.constant(soft_disc(64))

    @tf.function(reduce_retracing=True)
    def graph(fixed, moving, *hypotheses):
        planes = [spectral_plane.plane(windowed(images, disc), HIGHEST) for images in (fixed, moving)]
        return verify(refinement, refinement.derivatives(planes[0]), planes[1], Hypotheses(*hypotheses), 6)

    def call(fixed, moving, angle, shift, value):
        shift = np.broadcast_to(shift, (*np.shape(angle), 2))
        value = np.broadcast_to(value, np.shape(angle))
        found = graph(*(tf.constant(part, tf.float32) for part in (fixed, moving, angle, shift, value)))
        return type(found)(*(part.numpy() for part in found))

    return call


def turn_error(found, truth):
    return np.abs((found - truth + 180) % 360 - 180)


@pytest.fixture(scope="module")
def pair(picture):
    rng = np.random.default_rng(0)
    clean = picture(ANGLE, SHIFT), picture(np.zeros(4), np.zeros((4, 2)))
    return [images + rng.normal(0, 0.1, images.shape) for images in clean]


def hypotheses(place):
    """Four hypotheses a pair, the right one (within 2 degrees and a pixel) at some place, all about equally good."""
    angle = ANGLE[:, None] + np.array([90.0, -40.0, 180.0, 130.0])
    shift = np.repeat(SHIFT[:, None], 4, 1)
    rows = np.arange(4)
    angle[rows, place], shift[rows, place] = ANGLE + 2.0, SHIFT + 0.8
    return angle, shift, [0.5, 0.49, 0.48, 0.47]


@pytest.mark.parametrize("place", [0, 1, 3, [3, 0, 2, 1]])
def test_the_right_one_is_kept_and_refined(verified, pair, place):
    found = verified(*pair, *hypotheses(place))
    assert turn_error(found.angle, ANGLE).max() < 1.0 and np.abs(found.shift - SHIFT).max() < 0.3
    assert np.all(found.lead > 0.5 * found.evidence) and np.all(found.lead <= 1.05 * found.evidence)
    assert np.all((found.variance > 0.0) & (found.variance < 1.0)) and np.all(found.potential > 0.0)


def test_how_many_are_tried_depends_on_the_pair(verified, pair):
    angle, shift, _ = hypotheses([0, 0, 1, 1])
    value = np.array([[0.5, 0.02, 0.02, 0.02]] * 4)  # the first is so clear that nothing else is looked at ...
    value[3, 1] = 0.49  # ... but for one pair
    found = verified(*pair, angle, shift, value)
    right = turn_error(found.angle, ANGLE) < 2.0
    assert right.tolist() == [True, True, False, True]


def test_the_lead_without_a_rival_is_the_evidence(verified, pair):
    angle, shift, value = hypotheses(0)
    alone = verified(*pair, angle[:, :1], shift[:, :1], value[:1])
    np.testing.assert_allclose(alone.lead, alone.evidence, rtol=0.05)
    twice = verified(*pair, np.repeat(angle[:, :1], 2, 1) + [0.0, 3.0], shift[:, :2], value[:2])  # both end at the same place
    np.testing.assert_allclose(twice.lead, twice.evidence, rtol=0.05)


def test_the_twin_of_a_symmetric_picture_is_close(verified, picture, spots_of_order):
    rng = np.random.default_rng(1)
    spots = spots_of_order(2)
    clean = picture(ANGLE, SHIFT, 64, spots), picture(np.zeros(4), np.zeros((4, 2)), 64, spots)
    images = [part + rng.normal(0, 0.1, part.shape) for part in clean]
    found = verified(*images, ANGLE[:, None] + [0.0, 180.0], SHIFT[:, None], 0.5)
    assert turn_error(2 * found.angle, 2 * ANGLE).max() < 1.0
    assert np.all(found.lead < 0.1 * found.evidence) and np.all(found.lead >= 0.0)


def test_pairs_do_not_see_each_other(verified, pair):
    together = verified(*pair, *hypotheses(2))
    other = [images.copy() for images in pair]
    other[0][1], other[1][3] = 0.0, np.random.default_rng(2).normal(size=(64, 64))
    found = verified(*other, *hypotheses(2))
    for one, two in zip(together, found):
        np.testing.assert_allclose(one[[0, 2]], two[[0, 2]], rtol=1e-3, atol=1e-3)
        assert np.isfinite(two).all()
    assert found.evidence[1] < 0.1 and found.evidence[3] < 0.2 * together.evidence[3]

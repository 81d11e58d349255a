"""What two images share as they lie: taken out for a second look, which an aligned pair loses nothing by."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from udl_tf.alignment.shared import SIGNS, SUSPECT, lies_still, without_shared
from udl_tf.alignment.signs import Signs

ANGLE, SHIFT = np.array([35.0, -80.0, 150.0, 100.0]), np.array([[2.0, 1.0], [-3.0, 0.0], [0.0, 4.0], [1.0, -2.0]])
RANDOM = np.random.default_rng(7)
NOISE = RANDOM.normal(size=(2, 4, 64, 64)) * 0.3
COLUMNS = np.zeros((64, 64)) + (np.arange(64) == 25) * 3.0
PATTERNS = {
    "sensor pattern": RANDOM.normal(size=(64, 64)) * 0.6,
    "hot column": COLUMNS,
    "rows": RANDOM.normal(size=(64, 1)) * np.ones(64),
    "half-plane": (np.arange(64)[:, None] + 0.3 * np.arange(64) > 45) * 1.0,
}


def test_what_is_the_same_in_both_goes_whatever_its_size():
    one, two, both = RANDOM.normal(size=(3, 2, 83, 42, 2)).astype(np.float32)
    fixed, moving = (part.numpy() for part in without_shared(tf.constant(one + 1e2 * both), tf.constant(two + 1e2 * both)))
    # Half of the difference is left, and its negative.
    np.testing.assert_allclose(fixed, -moving, atol=0.2)
    np.testing.assert_allclose(fixed, (one - two) / 2.0, atol=0.15)


def test_images_that_are_equal_leave_nothing():
    plane = RANDOM.normal(size=(2, 83, 42, 2)).astype(np.float32)
    for left in without_shared(tf.constant(plane), tf.constant(plane)):
        np.testing.assert_allclose(left, 0.0, atol=1e-4)


@pytest.mark.parametrize("kind", PATTERNS)
def test_the_object_is_found_under_what_both_images_share(aligner, picture, kind):
    still, turned = picture(np.zeros(4), np.zeros((4, 2))), picture(*geometry.inverse(ANGLE, SHIFT))
    found = aligner.align(still + NOISE[0] + PATTERNS[kind], turned + NOISE[1] + PATTERNS[kind])
    assert geometry.angular_distance(found.angle, ANGLE).max() < 5.0
    np.testing.assert_allclose(found.shift, SHIFT, atol=1.5)


def test_an_image_on_itself_stays_where_it_is(aligner, picture):
    """All is shared then, and what is left is rounding."""
    images = picture(ANGLE, SHIFT) + NOISE[0]
    found = aligner.align(images, images)
    np.testing.assert_allclose(found.angle, 0.0, atol=1e-3)
    np.testing.assert_allclose(found.shift, 0.0, atol=1e-3)
    assert found.score.min() > 0.9


def test_a_movie_that_is_aligned_already_stays_as_it_is(aligner, picture):
    frames = picture(np.zeros(4), np.zeros((4, 2)))
    found = aligner.align(frames + NOISE[0] + PATTERNS["sensor pattern"], frames + NOISE[1] + PATTERNS["sensor pattern"])
    assert np.abs(found.angle).max() < 1.0 and np.abs(found.shift).max() < 0.5


def test_what_agrees_best_where_it_lies_may_be_a_pattern_and_nothing_else_may():
    signs = np.zeros((5, SIGNS), np.float32)
    signs[:, Signs.COUNT] = np.log1p([SUSPECT + 1.0, SUSPECT - 1.0, 100.0, 100.0, 100.0])
    signs[2, -1] = 1.0  # it agrees better once it is moved
    angle, shift = [0.5, 0.0, 0.0, 30.0, 359.0], [[0.3, 0.0]] * 4 + [[2.0, 0.0]]
    found = lies_still(tf.constant(signs), tf.constant(angle), tf.constant(shift))
    assert found.numpy().tolist() == [True, False, False, False, False]


def test_an_object_that_moved_by_half_a_pixel_is_no_pattern(chain, picture):
    """Clean, so that what both share as they lie leaves a difference that agrees with itself somewhere."""
    poses = np.zeros(4), np.array([[0.4, 0.3], [-0.5, 0.2], [0.0, 0.6], [0.3, -0.3]])
    seen = chain.describe_fixed(tf.constant(picture(*poses))), chain.describe(tf.constant(picture(poses[0], 0.0 * poses[1])))
    found = chain.careful(*seen, tf.constant(16.0))
    np.testing.assert_allclose(found["shift"], poses[1], atol=0.1)
    assert (found["signs"].numpy()[:, SIGNS - 2 :] > 0.9).all()  # it agrees better moved, and surely so
    still = chain.careful(seen[0], chain.describe(tf.constant(picture(*poses))), tf.constant(16.0))
    assert (still["signs"].numpy()[:, SIGNS - 1] == 0.0).all()

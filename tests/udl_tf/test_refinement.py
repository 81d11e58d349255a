"""Lucas-Kanade refinement on pictures whose pose is exact."""

import numpy as np
import pytest
import tensorflow as tf

from udl_tf.alignment.refinement import refine
from udl_tf.alignment.translation import soft_disc

DISC = soft_disc(64)
FRAME = np.ones((64, 64), np.float32)
OFF = np.array([[1.5, 0.7, -0.7], [-1.5, 1.0, 0.0], [0.5, 0.0, 0.3], [1.0, -0.6, -0.8], [0.0, 0.0, 0.0]])
ANGLE, SHIFT = np.array([40.0, -175.0, 3.0, 90.0, 120.0]), np.tile([2.0, -3.0], (5, 1))


def refined(fixed, moving, angle, shift, support=DISC, **options):
    images = [tf.constant(image, tf.float32) for image in (fixed, moving)]
    found = refine(*images, tf.constant(angle, tf.float32), tf.constant(shift, tf.float32), support, **options)
    return [part.numpy() for part in found]


def turn_error(found, truth):
    return np.abs((found - truth + 180) % 360 - 180)


@pytest.mark.parametrize(("support", "whole"), [(DISC, False), (FRAME, True)])
def test_noiseless_pairs_converge(picture, support, whole):
    fixed, moving = picture(ANGLE, SHIFT), picture(np.zeros(5), np.zeros((5, 2)))
    start = ANGLE + OFF[:, 0], SHIFT + OFF[:, 1:]
    angle, shift, correlation = refined(fixed, moving, *start, support, whole_overlap=whole, steps=8)
    assert turn_error(angle, ANGLE).max() < 0.02 and np.abs(shift - SHIFT).max() < 0.02
    assert correlation.min() > 0.999 and correlation.max() < 1 + 1e-5


def test_grey_values_do_not_matter(picture):
    fixed, moving = picture(ANGLE, SHIFT), picture(np.zeros(5), np.zeros((5, 2)))
    start = ANGLE + OFF[:, 0], SHIFT + OFF[:, 1:]
    plain = refined(fixed, moving, *start)
    other = refined(0.02 * fixed, 5.0 * moving, *start)
    for one, two in zip(plain, other):
        np.testing.assert_allclose(one, two, atol=2e-3)


def test_noise_is_not_followed_far(picture):
    rng = np.random.default_rng(0)
    truth, shift = rng.uniform(-180, 180, 40), rng.uniform(-3, 3, (40, 2))
    fixed = picture(truth, shift) + rng.normal(0, 0.1, (40, 64, 64))
    moving = picture(np.zeros(40), np.zeros((40, 2))) + rng.normal(0, 0.1, (40, 64, 64))
    start = truth + rng.choice([-1.5, 1.5], 40), shift + rng.choice([-0.7, 0.7], (40, 2))
    angle, moved, correlation = refined(fixed, moving, *start, steps=8)
    assert turn_error(angle, truth).mean() < 0.5 and np.hypot(*(moved - shift).T).mean() < 0.15
    assert correlation.min() > 0.8 and correlation.max() < 0.97


def test_a_pair_that_strays_is_given_back(picture):
    # A wide spot 7 px away: the gradients lead there, one pixel a step, and further than 4 px is not believed.
    x, y = np.meshgrid(np.arange(64) - 31.5, np.arange(64) - 31.5)
    fixed = np.stack([np.exp(-((x - 7) ** 2 + y**2) / 200), np.exp(-((x - 2) ** 2 + y**2) / 200)])
    moving = np.repeat(np.exp(-(x**2 + y**2) / 200)[None], 2, 0)
    start = np.array([5.0, 5.0]), np.zeros((2, 2))
    angle, shift, correlation = refined(fixed, moving, *start, steps=8)
    assert angle[0] == 5.0 and shift[0].tolist() == [0, 0]
    assert abs(shift[1, 0] - 2) < 0.05 and abs(shift[1, 1]) < 0.05  # the nearer one is found
    assert 0.5 < correlation[0] < 0.95 and correlation[1] > 0.999
    # The same path is believed where it may be that long.
    _, shift, _ = refined(fixed, moving, *start, steps=12, max_move=20.0)
    assert abs(shift[0, 0] - 7) < 0.1


def test_it_never_ends_with_a_lower_correlation(picture):
    rng = np.random.default_rng(1)
    fixed, moving = rng.normal(size=(2, 32, 64, 64))
    start = rng.uniform(-180, 180, 32), rng.uniform(-5, 5, (32, 2))
    before = refined(fixed, moving, *start, steps=0)[2]
    angle, shift, after = refined(fixed, moving, *start, steps=4)
    assert np.all(after >= before)
    same = after == before
    np.testing.assert_array_equal(shift[same], start[1][same].astype(np.float32))


def test_pairs_do_not_see_each_other(picture):
    fixed, moving = picture(ANGLE, SHIFT), picture(np.zeros(5), np.zeros((5, 2)))
    start = ANGLE + OFF[:, 0], SHIFT + OFF[:, 1:]
    together = refined(fixed, moving, *start)
    fixed[2], moving[3] = 0.0, 0.0
    with_empty = refined(fixed, moving, *start)
    for one, other in zip(together, with_empty):
        np.testing.assert_allclose(one[[0, 1, 4]], other[[0, 1, 4]], atol=1e-5)
        assert np.isfinite(other).all()
    assert with_empty[2][2:4].tolist() == [0, 0]

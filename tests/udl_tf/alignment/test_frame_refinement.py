"""Lucas-Kanade refinement over the whole overlap, on pictures whose pose is exact."""

import numpy as np
import pytest
import tensorflow as tf

from udl_tf.alignment.frame_refinement import refine

OFF = np.array([[1.5, 0.7, -0.7], [-1.5, 1.0, 0.0], [0.5, 0.0, 0.3], [1.0, -0.6, -0.8], [0.0, 0.0, 0.0]])
ANGLE, SHIFT = np.array([40.0, -175.0, 3.0, 90.0, 120.0]), np.tile([2.0, -3.0], (5, 1))


def scene(seed=0):
    """Spots all over the frame and beyond: what is moved in is not empty."""
    rng = np.random.default_rng(seed)
    places, widths, heights = rng.uniform(-0.9, 0.9, (90, 2)), rng.uniform(0.03, 0.08, (90, 1)), rng.uniform(-1, 1, (90, 1))
    return np.concatenate([places, widths, heights], 1)


def refined(fixed, moving, angle, shift, steps=8):
    found = refine(*(tf.constant(part, tf.float32) for part in (fixed, moving, angle, shift)), steps)
    return type(found)(*(part.numpy() for part in found))


def turn_error(found, truth):
    return np.abs((found - truth + 180) % 360 - 180)


@pytest.fixture(scope="module")
def pair(picture):
    return picture(ANGLE, SHIFT, 64, scene()), picture(np.zeros(5), np.zeros((5, 2)), 64, scene())


def test_noiseless_pairs_converge(pair):
    found = refined(*pair, ANGLE + OFF[:, 0], SHIFT + OFF[:, 1:])
    assert turn_error(found.angle, ANGLE).max() < 0.02 and np.abs(found.shift - SHIFT).max() < 0.02
    assert found.correlation.min() > 0.995 and found.correlation.max() < 1 + 1e-5
    assert found.variance.min() > 0 and found.variance.max() < 0.1


def test_spots_in_an_empty_frame(picture):
    start = ANGLE + OFF[:, 0], SHIFT + OFF[:, 1:]
    found = refined(picture(ANGLE, SHIFT), picture(np.zeros(5), np.zeros((5, 2))), *start)
    assert turn_error(found.angle, ANGLE).max() < 0.02 and np.abs(found.shift - SHIFT).max() < 0.02


def test_oblong_frames(picture):
    fixed, moving = (picture(angle, shift, 64, scene())[:, 8:-8] for angle, shift in ((4.0, (1.0, -1.0)), (0.0, (0.0, 0.0))))
    found = refined(fixed, moving, [5.0], [[0.5, -0.5]])
    assert abs(found.angle[0] - 4.0) < 0.03 and np.abs(found.shift - [1.0, -1.0]).max() < 0.03


def test_what_only_one_frame_covers_does_not_count(picture):
    pose = np.array([3.0, 3.0, 3.0]), np.tile([8.0, 0.0], (3, 1))
    fixed, moving = picture(*pose, 64, scene()), picture(np.zeros(3), np.zeros((3, 2)), 64, scene())
    moving[1, :, -5:] = 50.0  # moved by 8 pixels to the right, they leave the frame
    moving[2, :, :5] = 50.0  # these stay
    correlation = refined(fixed, moving, *pose, steps=0).correlation
    assert correlation[0] > 0.995 and correlation[1] == pytest.approx(correlation[0], abs=1e-4) and correlation[2] < 0.5


def test_light_from_another_side_changes_nothing(pair):
    start = ANGLE + OFF[:, 0], SHIFT + OFF[:, 1:]
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    plain = refined(*pair, *start)
    lit = refined(pair[0] + 3.0 * x - y * y, pair[1] - 2.0 * y + x * y, *start)
    for name in ("angle", "shift", "correlation"):
        np.testing.assert_allclose(getattr(lit, name), getattr(plain, name), rtol=2e-3, atol=5e-3)
    assert np.abs(lit.surface).max() < 1.0 and np.ptp(lit.surface) > 0.1  # how the sides lie to each other once turned


def test_surfaces_that_agree_are_told(pair):
    """One plane in both as they lie: 1; two that are opposite: -1; at right angles: 0."""
    x, y = np.meshgrid(*[np.arange(pair[0].shape[1]) - (pair[0].shape[1] - 1) / 2] * 2)
    noise = 0.01 * np.random.default_rng(0).normal(size=(2, 3, *x.shape))
    found = refined(np.stack([x, x, x]) + noise[0], np.stack([3.0 * x, -x, y]) + noise[1], np.zeros(3), np.zeros((3, 2)), steps=0)
    np.testing.assert_allclose(found.surface, [1.0, -1.0, 0.0], atol=1e-3)


def test_grey_values_do_not_matter(pair):
    start = ANGLE + OFF[:, 0], SHIFT + OFF[:, 1:]
    plain, other = refined(*pair, *start), refined(0.05 * pair[0] + 1.0, 5.0 * pair[1] - 2.0, *start)
    for one, two in zip(plain, other):
        np.testing.assert_allclose(one, two, rtol=0.02, atol=2e-3)


def noisy(picture, level, count, seed):
    rng = np.random.default_rng(seed)
    truth, shift = rng.uniform(-180, 180, count), rng.uniform(-3, 3, (count, 2))
    clean = picture(truth, shift, 48, scene()), picture(np.zeros(count), np.zeros((count, 2)), 48, scene())
    return [images + rng.normal(0, level, images.shape) for images in clean], truth, shift


def test_the_variance_is_that_of_the_errors(picture):
    predicted = []
    for level in (0.03, 0.1, 0.2):
        images, truth, shift = noisy(picture, level, 120, 2)
        found = refined(*images, truth, shift)
        error = (found.angle - truth + 180) % 360 - 180
        predicted.append(np.sqrt(np.median(found.variance)))
        assert 1 / 2.5 < np.sqrt(np.mean(error**2)) / predicted[-1] < 2.5, (level, np.sqrt(np.mean(error**2)), predicted)
    assert 1.3 * predicted[0] < predicted[1] and 1.3 * predicted[1] < predicted[2]


def test_noise_is_not_followed_far(picture):
    images, truth, shift = noisy(picture, 0.1, 40, 3)
    rng = np.random.default_rng(0)
    start = truth + rng.choice([-1.5, 1.5], 40), shift + rng.choice([-0.7, 0.7], (40, 2))
    found = refined(*images, *start)
    assert turn_error(found.angle, truth).mean() < 0.5 and np.hypot(*(found.shift - shift).T).mean() < 0.15
    assert found.correlation.min() > 0.7 and found.correlation.max() < 0.99


def test_a_pair_that_strays_is_given_back():
    # A wide spot 7 px away: the gradients lead there, one pixel a step, which is further than is believed.
    x, y = np.meshgrid(np.arange(64) - 31.5, np.arange(64) - 31.5)
    fixed = np.stack([np.exp(-((x - 7) ** 2 + y**2) / 200), np.exp(-((x - 2) ** 2 + y**2) / 200)])
    moving = np.repeat(np.exp(-(x**2 + y**2) / 200)[None], 2, 0)
    found = refined(fixed, moving, np.array([5.0, 5.0]), np.zeros((2, 2)))
    assert found.angle[0] == 5.0 and found.shift[0].tolist() == [0, 0] and found.variance[0] > 100
    assert abs(found.shift[1, 0] - 2) < 0.05 and abs(found.shift[1, 1]) < 0.05  # the nearer one is found
    assert found.correlation[1] > 0.999


def test_opposite_images_are_given_back(pair):
    found = refined(pair[0], -pair[1], ANGLE, SHIFT)
    np.testing.assert_allclose(turn_error(found.angle, ANGLE), np.zeros(5), atol=1e-4)
    assert found.variance.min() > 100


def test_pairs_do_not_see_each_other(pair):
    start = ANGLE + OFF[:, 0], SHIFT + OFF[:, 1:]
    together = refined(*pair, *start)
    fixed, moving = (images.copy() for images in pair)
    fixed[2], moving[3] = 0.0, 0.0
    with_empty = refined(fixed, moving, *start)
    for one, other in zip(together, with_empty):
        np.testing.assert_allclose(one[[0, 1, 4]], other[[0, 1, 4]], rtol=1e-4, atol=1e-5)
        assert np.isfinite(other).all()
    assert with_empty.correlation[2:4].tolist() == [0, 0] and with_empty.variance[2:4].min() > 100
    nothing = refined(*(images[:0] for images in pair), *(part[:0] for part in start))
    assert nothing.angle.shape == (0,) and nothing.shift.shape == (0, 2)

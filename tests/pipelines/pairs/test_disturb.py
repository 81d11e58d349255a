"""The disturbance of pairs: what it reports is what it did."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.geometry import warp
from pipelines.pairs.disturb import Disturb


def blobs(count, size=65):
    """Smooth asymmetric images: three Gaussian blobs near the centre, so that a turned and shifted one stays inside."""
    points = geometry.centred_grid(size, size)
    rng = np.random.default_rng(3)
    images = np.zeros((count, size, size))
    for image in images:
        for weight in (1.0, 0.7, 0.5):
            image += weight * np.exp(-np.sum((points - rng.uniform(-8, 8, 2)) ** 2, -1) / (2 * 4.0**2))
    return tf.constant(images, tf.float32)


def test_it_reports_the_disturbance_it_made():
    fixed, moving = blobs(5), blobs(5)[::-1]
    pair = Disturb(6.0)(fixed, moving, (1, 2))
    for images, disturbed, disturbance in (
        (fixed, pair.fixed, pair.fixed_disturbance),
        (moving, pair.moving, pair.moving_disturbance),
    ):
        undone = warp.warp(disturbed, *geometry.inverse(*disturbance)).numpy()
        assert np.abs(undone - images).max() < 0.08 and np.abs(disturbed - images).max() > 0.5
        # independently of any warp: the centre of mass moves as the rigid transform says
        grid = geometry.centred_grid(65, 65)
        before, after = (np.einsum("bhw,hwc->bc", i, grid) / np.sum(i, (1, 2))[:, None] for i in (images, disturbed))
        expected = geometry.rotate_points(disturbance[0], before) + disturbance[1]
        np.testing.assert_allclose(after, expected, atol=0.5)


def test_truth_of_the_disturbed_pair():
    image = blobs(4)
    truth = (tf.constant([30.0, -100.0, 5.0, 170.0]), tf.constant([[3.0, -2.0], [0.0, 4.0], [-5.0, 1.0], [2.0, 2.0]]))
    fixed = warp.warp(image, *truth)
    pair = Disturb(4.0)(fixed, image, (5, 6))
    angle, shift = geometry.disturbed_truth(truth, pair.fixed_disturbance, pair.moving_disturbance)
    np.testing.assert_allclose(
        geometry.wrap_degrees(angle - truth[0] - pair.fixed_disturbance[0] + pair.moving_disturbance[0]), 0.0, atol=1e-3
    )
    aligned = warp.warp(pair.moving, angle, shift).numpy()
    assert np.abs(aligned - pair.fixed).max() < 0.12 < np.abs(pair.moving - pair.fixed).max()


def test_draws_cover_their_ranges_and_are_independent():
    images = tf.zeros((4000, 2, 2))
    pair = Disturb(7.0)(images, images, (0, 0))
    for angle, shift in (pair.fixed_disturbance, pair.moving_disturbance):
        assert 0.0 <= np.min(angle) < 2.0 and 358.0 < np.max(angle) < 360.0 and abs(np.mean(angle) - 180.0) < 7.0
        assert -7.0 <= np.min(shift) < -6.95 and 6.95 < np.max(shift) <= 7.0 and np.abs(np.mean(shift, 0)).max() < 0.3
        assert abs(np.corrcoef(np.transpose(shift))[0, 1]) < 0.06
    assert abs(np.corrcoef(pair.fixed_disturbance[0], pair.moving_disturbance[0])[0, 1]) < 0.06


def test_same_seed_same_disturbance_and_fresh_noise_is_independent():
    def renoise(images, seed):
        return images + tf.random.stateless_normal(tf.shape(images), seed)

    disturb, images = Disturb(3.0, renoise), tf.zeros((3, 64, 64))
    one, same, other = disturb(images, images, (1, 1)), disturb(images, images, (1, 1)), disturb(images, images, (1, 2))
    np.testing.assert_array_equal(one.fixed, same.fixed)
    np.testing.assert_array_equal(one.moving, same.moving)
    assert abs(np.std(one.fixed) - 1.0) < 0.02
    for independent in (one.moving, other.fixed):
        assert abs(np.corrcoef(np.ravel(one.fixed), np.ravel(independent))[0, 1]) < 0.03


def test_corners_keep_their_noise():
    noise = tf.random.stateless_normal((16, 64, 64), (1, 2))
    corner = Disturb(0.0).image(noise, (0, 1))[0][:, :6, :6]
    assert np.std(corner) > 0.5  # bilinear resampling smooths white noise, but no corner is flat
    assert np.std(Disturb(0.0, fill="constant").image(noise, (0, 1))[0][:, :6, :6]) < 0.5


@pytest.mark.parametrize("arguments", [{"max_shift": -1.0}, {"max_shift": 1.0, "fill": "black"}])
def test_bad_arguments_are_refused(arguments):
    with pytest.raises(InputError):
        Disturb(**arguments)

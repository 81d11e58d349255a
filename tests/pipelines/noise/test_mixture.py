"""A mixture of noises: every kind as often and as strong as asked, and each image its own."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.noise import mixture

COUNT = 400
SEED = tf.constant([5, 6], tf.int32)


def only(kind, **options):
    """The images (COUNT, 24, 24), and the same with one kind of noise and no change of contrast."""
    images = tf.random.stateless_uniform((COUNT, 24, 24), (1, 2)).numpy()
    shares = {name: float(name == kind) for name in mixture.SHARES}
    return images, mixture.any_noise(shares, contrast=0.0, **options)(images, SEED).numpy()


def test_gaussian_is_log_uniform_in_snr():
    images, noisy = only("gaussian", snr=(0.05, 20.0))
    snr = images.var((1, 2)) / (noisy - images).var((1, 2))
    assert 0.04 < snr.min() < 0.06 and 17 < snr.max() < 24  # each measured to 6 %
    assert abs(np.mean(snr < 1.0) - 0.5) < 0.1  # 1 is the geometric mean; 4 standard errors


def test_salt_and_pepper_is_uniform_in_its_proportion():
    images, noisy = only("salt-and-pepper", proportion=0.3)
    changed = (noisy != images).mean((1, 2))  # of both
    assert changed.min() < 0.02 and 0.54 < changed.max() < 0.66 and abs(changed.mean() - 0.3) < 0.04


def test_poisson_is_log_uniform_in_photons():
    images, noisy = only("poisson", photons=(1.0, 100.0))
    # [0, 1] has mean 0.5 and the image's mean is that, so the mean variance is 0.25 / photons.
    photons = 0.25 / np.square(noisy - images).mean((1, 2))
    assert 0.8 < photons.min() < 1.2 and 85 < photons.max() < 120 and abs(np.log10(photons).mean() - 1.0) < 0.12


def test_blur_is_uniform_in_sigma():
    images, noisy = only("blur", blur=2.0)
    kept = noisy.var((1, 2)) / images.var((1, 2))  # white noise: 1 / (4 pi sigma^2) at sigma 2, 2 %, and 1 at 0
    assert 0.01 < kept.min() < 0.04 and kept.max() > 0.97
    assert abs(np.mean(kept < 1 / (4 * np.pi)) - 0.5) < 0.12  # sigma 1, half of the draws


def test_kinds_come_in_their_shares_and_images_stay_in_place():
    images = np.arange(COUNT)[:, None, None] + 0.5 * np.random.default_rng(0).random((COUNT, 16, 16))
    images = images.astype(np.float32)
    shares = {"clean": 0.5, "blur": 0.3, "salt-and-pepper": 0.2}
    noisy = mixture.any_noise(shares, proportion=0.5, contrast=0.0)(images, SEED).numpy()
    assert np.abs(noisy - images).max() < 0.6  # every image is where it was
    kept = (noisy == images).mean((1, 2))  # all pixels of a clean one, none of a blurred one, some of one with salt and pepper
    for share, measured in ((0.5, kept == 1.0), (0.3, kept < 0.02), (0.2, (kept > 0.02) & (kept < 1.0))):
        assert abs(np.mean(measured) - share) < 0.1  # 4 standard errors; a few of each kind are at level 0, so are clean


def test_contrast_is_clipped_to_the_grey_values_of_the_image():
    images = tf.random.stateless_uniform((COUNT, 16, 16), (1, 2), 10.0, 20.0).numpy()
    changed = mixture.any_noise({"clean": 1.0}, contrast=0.5)(images, SEED).numpy()
    low, high = images.min((1, 2), keepdims=True), images.max((1, 2), keepdims=True)
    assert (changed >= low).all() and (changed <= high).all()
    assert np.mean(np.abs(changed - images).max((1, 2)) > 0.1) > 0.95
    clipped = ((changed == low) | (changed == high)).mean((1, 2))
    assert clipped.max() > 0.2 and np.mean(clipped < 0.02) > 0.1


@pytest.mark.parametrize("batch", [1, 3])
def test_small_batches_in_a_graph_follow_the_seed(batch):
    images = tf.random.stateless_normal((batch, 16, 16), (1, 2))
    add = tf.function(mixture.any_noise(), input_signature=(tf.TensorSpec((None, 16, 16)), tf.TensorSpec((2,), tf.int32)))
    for number in range(6):  # every kind, and so empty ones too
        seed = tf.constant([number, 1], tf.int32)
        first = add(images, seed).numpy()
        assert first.shape == images.shape and np.isfinite(first).all()
        np.testing.assert_array_equal(first, add(images, seed))
        assert np.any(first != add(images, tf.constant([number, 2], tf.int32)))

"""The pair's spectral weights against the formula, on images whose signal-to-noise ratio is known by frequency."""

import numpy as np
import pytest
import tensorflow as tf

from udl_tf.alignment.wiener import PairFilter


def spectra(images):
    return tf.signal.rfft2d(tf.constant(images, tf.float32))


def test_weights_of_a_known_signal_to_noise_ratio():
    """Signal in the rings below 8 only, at s = 2 there: the weight is s / (1 + 2 s) / noise power."""
    rng = np.random.default_rng(0)
    box, count = 32, 200
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(box, 1 / box), np.fft.fftfreq(box, 1 / box)))
    band = np.rint(radius) < 8
    signal = np.fft.ifft2(np.fft.fft2(rng.normal(size=(count, box, box))) * band).real * np.sqrt(2.0)
    pair = [signal + rng.normal(size=signal.shape) for _ in range(2)]  # noise of power box^2 in every ring
    pair_filter = PairFilter(box, smoothing=0.5)
    weights = pair_filter.weights(*map(spectra, pair)).numpy() ** 2 * box**2
    assert weights.shape == (count, 16)
    np.testing.assert_allclose(np.median(weights[:, 3:7], 0), np.full(4, 2 / 5), rtol=0.1)
    assert np.median(weights[:, 10:]) < 0.05


def test_a_pair_of_equal_images_is_whitened():
    images = np.random.default_rng(1).normal(size=(3, 32, 32)) * np.array([1.0, 5.0, 0.1])[:, None, None]
    pair_filter = PairFilter(32, smoothing=0.01)
    weights = pair_filter.weights(spectra(images), spectra(images)).numpy()
    full = np.abs(np.fft.fft2(images)) ** 2
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(32, 1 / 32), np.fft.fftfreq(32, 1 / 32)))
    power = np.stack([full[:, np.rint(radius) == ring].mean(1) for ring in range(16)], 1)
    np.testing.assert_allclose(weights**2, 0.98 / 1.98 / 0.02 / power, rtol=1e-3)


def test_opposite_images_have_no_weight():
    images = np.random.default_rng(1).normal(size=(1, 32, 32))
    assert np.abs(PairFilter(32).weights(spectra(images), spectra(-images))).max() == 0


@pytest.mark.parametrize("box", [16, 17])
def test_applied_weights(box):
    images = np.random.default_rng(2).normal(size=(2, box, box))
    weights = np.random.default_rng(3).uniform(size=(2, box // 2))
    found = PairFilter(box).apply(spectra(images), tf.constant(weights, tf.float32))
    ring = np.rint(np.hypot(*np.meshgrid(np.fft.fftfreq(box, 1 / box), np.fft.fftfreq(box, 1 / box)))).astype(int)
    gain = np.where(ring < box // 2, weights[:, np.minimum(ring, box // 2 - 1)], 0.0)
    np.testing.assert_allclose(found, np.fft.ifft2(np.fft.fft2(images) * gain).real, atol=1e-5)


def test_smoothing_is_an_average_over_neighbouring_rings():
    constant = PairFilter(32, smoothing=3.0).radial(tf.fill((1, 32, 17), 7.0))
    np.testing.assert_allclose(constant, np.full((1, 16), 7.0), rtol=1e-5)
    radius = np.hypot(np.fft.fftfreq(32, 1 / 32)[:, None], np.arange(17)[None, :])
    rough = PairFilter(32, smoothing=0.01).radial(tf.constant(radius[None], tf.float32)).numpy()[0]
    smooth = PairFilter(32, smoothing=2.0).radial(tf.constant(radius[None], tf.float32)).numpy()[0]
    np.testing.assert_allclose(rough, np.arange(16), atol=0.25)
    assert 1.0 < smooth[0] < 4.0 and abs(smooth[8] - 8) < 0.7  # larger rings count for more

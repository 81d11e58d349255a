"""The pair's spectral weights against the formula, on images whose signal-to-noise ratio is known by frequency."""

import numpy as np
import pytest
import tensorflow as tf

from udl_tf.alignment.wiener import PairFilter, Rings, likelihood_weights


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
    weights, share = pair_filter.weights(*map(spectra, pair))
    weights = weights.numpy() ** 2 * box**2
    assert weights.shape == (count, 16)
    np.testing.assert_allclose(np.median(weights[:, 3:7], 0), np.full(4, 2 / 5), rtol=0.1)
    assert np.median(weights[:, 10:]) < 0.05
    assert 0.4 < np.median(share) < 2 / 3  # s / (1 + s) in the band, less what correlates by chance beyond it


def test_a_pair_of_equal_images_is_whitened():
    images = np.random.default_rng(1).normal(size=(3, 32, 32)) * np.array([1.0, 5.0, 0.1])[:, None, None]
    pair_filter = PairFilter(32, smoothing=0.01)
    weights, share = pair_filter.weights(spectra(images), spectra(images))
    full = np.abs(np.fft.fft2(images)) ** 2
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(32, 1 / 32), np.fft.fftfreq(32, 1 / 32)))
    power = np.stack([full[:, np.rint(radius) == ring].mean(1) for ring in range(16)], 1)
    np.testing.assert_allclose(weights.numpy() ** 2, 0.98 / 1.98 / 0.02 / power, rtol=1e-3)
    np.testing.assert_allclose(share, np.full(3, 0.98), atol=1e-3)


def test_opposite_images_have_no_weight():
    images = np.random.default_rng(1).normal(size=(1, 32, 32))
    weights, share = PairFilter(32).weights(spectra(images), spectra(-images))
    assert np.abs(weights).max() == 0 and share == 0


@pytest.mark.parametrize("box", [16, 17])
def test_applied_weights(box):
    images = np.random.default_rng(2).normal(size=(2, box, box))
    weights = np.random.default_rng(3).uniform(size=(2, box // 2))
    found = PairFilter(box).apply(spectra(images), tf.constant(weights, tf.float32))
    ring = np.rint(np.hypot(*np.meshgrid(np.fft.fftfreq(box, 1 / box), np.fft.fftfreq(box, 1 / box)))).astype(int)
    gain = np.where(ring < box // 2, weights[:, np.minimum(ring, box // 2 - 1)], 0.0)
    np.testing.assert_allclose(found, np.fft.ifft2(np.fft.fft2(images) * gain).real, atol=1e-5)


def test_smoothing_is_an_average_over_neighbouring_rings():
    constant = PairFilter(32, smoothing=3.0).rings.means(tf.fill((1, 32 * 17), 7.0))
    np.testing.assert_allclose(constant, np.full((1, 16), 7.0), rtol=1e-5)
    radius = tf.constant(np.hypot(np.fft.fftfreq(32, 1 / 32)[:, None], np.arange(17)).reshape(1, -1), tf.float32)
    rough = PairFilter(32, smoothing=0.01).rings.means(radius).numpy()[0]
    smooth = PairFilter(32, smoothing=2.0).rings.means(radius).numpy()[0]
    np.testing.assert_allclose(rough, np.arange(16), atol=0.25)
    assert 1.0 < smooth[0] < 4.0 and abs(smooth[8] - 8) < 0.7  # larger rings count for more


POINTS = np.array([[x, y] for y in range(-10, 11) for x in range(11) if 0 < np.hypot(x, y) < 10.5])
RADIUS, SHARE = np.hypot(*POINTS.T), np.where(POINTS[:, 0] == 0, 1.0, 2.0)  # x > 0 stands for its mirror image as well


def test_coherence_by_numpy():
    rng = np.random.default_rng(4)
    first, second = rng.normal(size=(2, 3, 2, len(POINTS)))
    second = 0.8 * first + 0.6 * second
    rings = Rings(RADIUS, SHARE, 11, smoothing=0.01)
    coherence, power, other = rings.coherence(tf.constant(first, tf.float32), tf.constant(second, tf.float32))
    for r in range(1, 11):
        weight = SHARE * (np.rint(RADIUS) == r)
        cross, one, two = (np.sum(weight * a * b, (1, 2)) for a, b in ((first, second), (first, first), (second, second)))
        np.testing.assert_allclose(coherence[:, r], np.clip(cross / np.sqrt(one * two), 0, 0.98), atol=1e-4)
        np.testing.assert_allclose(power[:, r], one / weight.sum(), rtol=1e-4)
        np.testing.assert_allclose(other[:, r], two / weight.sum(), rtol=1e-4)


def small_rings():
    """Of five frequencies: two in ring 1, and three in ring 2, of which one is left out."""
    return Rings([1.0, 1.4, 2.0, 2.2, 1.9], [1.0, 2.0, 2.0, 1.0, 0.0], 3, smoothing=0.01)


def test_values_are_spread_to_their_frequencies():
    found = small_rings().spread(tf.constant([[9.0, 1.0, 5.0]]))
    np.testing.assert_allclose(found, [[1.0, 2.0, 10.0, 5.0, 0.0]])


def test_evidence_by_hand():
    # Each ring counts 3 real numbers, 1.5 complex ones; the origin, where there is nothing, next to none.
    found = small_rings().evidence(tf.constant([[0.0, 0.0, 0.0], [0.0, 0.6, 0.0], [0.0, 0.6, 0.8]]))
    first, second = -1.5 * np.log(1 - 0.36), -1.5 * np.log(1 - 0.64)
    np.testing.assert_allclose(found, [0.0, first, first + second], rtol=1e-4, atol=1e-5)


def test_weights_of_the_likelihood_by_hand():
    found = likelihood_weights(tf.constant([0.0, 0.5, 2 / 3]), tf.constant([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(found, [0.0, 1 / 3, 2 / 5], rtol=1e-5)  # s = 0, 1, 2 over noise of power 1

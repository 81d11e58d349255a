"""Ring averages, coherence, evidence and weights, by NumPy and by hand."""

import numpy as np
import tensorflow as tf

from udl_tf.alignment.wiener import Rings, likelihood_weights


def test_smoothing_is_an_average_over_neighbouring_rings():
    radius = np.hypot(np.fft.fftfreq(32, 1 / 32)[:, None], np.arange(17)).reshape(-1)
    share = np.where(np.rint(radius) < 16, 2.0, 0.0)

    def means(values, smoothing):
        return Rings(radius, share, 16, smoothing).means(tf.constant(values[None], tf.float32)).numpy()[0]

    np.testing.assert_allclose(means(np.full(radius.shape, 7.0), 3.0), np.full(16, 7.0), rtol=1e-5)
    rough, smooth = means(radius, 0.01), means(radius, 2.0)
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

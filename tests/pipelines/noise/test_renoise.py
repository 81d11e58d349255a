"""Fresh noise: how much, of what spectrum, and independent of what is there."""

import numpy as np
import tensorflow as tf

from pipelines.noise.renoise import Background, White
from pipelines.spectra import noise_spectrum

SEED = tf.constant([3, 4], tf.int32)


def test_background_noise_has_the_asked_spectrum():
    power = np.linspace(2.0, 0.2, 17)
    images = tf.random.stateless_normal((400, 32, 32), (1, 2))
    for level in (1.0, 0.25):
        added = Background(tuple(power), level)(images, SEED) - images
        measured = np.mean(noise_spectrum.radial_power(added), 0)
        np.testing.assert_allclose(measured[1:], level * power[1:], rtol=0.1)
        assert abs(np.mean(added * images)) < 0.01  # 400 * 1024 pixels: standard error 0.002


def test_white_noise_is_a_share_of_each_image():
    deviation = np.repeat([1.0, 50.0], 300)
    images = tf.random.stateless_normal((600, 24, 24), (1, 2)) * tf.constant(deviation, tf.float32)[:, None, None]
    added = (White(0.2, 0.8)(images, SEED) - images).numpy()
    share = added.std((1, 2)) / images.numpy().std((1, 2))
    assert 0.18 < share.min() < 0.23 and 0.76 < share.max() < 0.86  # of 600 draws, each measured to 3 %
    assert abs(share[:300].mean() - 0.5) < 0.04 and abs(share[300:].mean() - 0.5) < 0.04
    correlation = np.mean(added * images, (1, 2)) / images.numpy().std((1, 2)) / added.std((1, 2))
    assert abs(correlation.mean()) < 0.01


def test_noise_follows_the_seed():
    images = tf.zeros((2, 16, 16)) + tf.random.stateless_normal((2, 16, 16), (1, 2))
    for renoise in (Background((1.0,) * 9), White()):
        first, again, other = (renoise(images, seed).numpy() for seed in (SEED, SEED, tf.constant([3, 5], tf.int32)))
        np.testing.assert_array_equal(first, again)
        assert np.abs(first - other).max() > 0.1 and np.abs((first - images)[0] - (first - images)[1]).max() > 0.1

"""The disc that pictures are seen through."""

import numpy as np
import tensorflow as tf

from udl_tf.networks.window import SoftDisc, soft_disc, windowed


def test_soft_disc():
    disc = soft_disc(64, 0.5, 0.03)
    assert disc[0, 0] < 1e-6 and disc[32, 32] > 0.999
    assert abs(disc.sum() - np.pi * 16**2) < 0.03 * np.pi * 16**2


def test_the_layer_starts_as_the_same_disc():
    images = tf.constant(np.random.default_rng(0).normal(3.0, 1.0, (2, 32, 32)), tf.float32)
    expected = windowed(images, tf.constant(soft_disc(32, 0.7, 0.05)))
    np.testing.assert_allclose(SoftDisc(0.7, 0.05)(images), expected, atol=1e-5)


def test_the_disc_itself_leaves_nothing():
    disc = tf.constant(soft_disc(32))
    np.testing.assert_allclose(windowed(tf.fill((1, 32, 32), 5.0), disc), np.zeros((1, 32, 32)), atol=1e-5)
    images = np.random.default_rng(1).normal(7.0, 1.0, (3, 32, 32)).astype(np.float32)
    found = windowed(tf.constant(images), disc).numpy()
    np.testing.assert_allclose(found.sum((1, 2)), np.zeros(3), atol=1e-2)
    mean = np.average(images[0], weights=disc.numpy())
    np.testing.assert_allclose(found[0, 10, 20], (images[0, 10, 20] - mean) * disc.numpy()[10, 20], atol=1e-5)

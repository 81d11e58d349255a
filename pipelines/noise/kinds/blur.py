"""Blur: no noise, but as hard on an aligner."""

import tensorflow as tf

from pipelines.noise.kinds.kind import Kind, per_image


def blur(images, sigma, seed=None):
    """Blur by a Gaussian of standard deviation `sigma` pixels, scalar or (batch,). At the borders its inner part counts.

    Nothing is drawn; `seed` is there because all kinds have one.
    """
    sigma = tf.maximum(per_image(sigma, images), 1e-3)

    def weights(length):
        position = tf.range(tf.cast(length, tf.float32))
        kernel = tf.exp(-0.5 * tf.square((position[:, None] - position) / sigma))  # (batch, to, from)
        return kernel / tf.reduce_sum(kernel, axis=2, keepdims=True)

    height, width = tf.shape(images)[1], tf.shape(images)[2]
    return tf.matmul(tf.matmul(weights(height), images), weights(width), transpose_b=True)


KIND = Kind("blur:LEVEL", blur)

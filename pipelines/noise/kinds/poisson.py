"""Noise of counted photons."""

import tensorflow as tf

from pipelines.noise.kinds.kind import Kind, per_image


def poisson(images, photons, seed):
    """Count photons instead of light: noise whose variance grows with the grey value.

    Each image is mapped from [min, max] to [0, 1]; a pixel of the image's mean grey then expects `photons` of them, a darker or
    brighter one in proportion, and the counts are mapped back, so that the expectation of the result is the image.

    Args:
        images: float32 (batch, height, width).
        photons: scalar or (batch,), mean photons per pixel at the image's mean grey, above 0.
        seed: int32 (2,).
    """
    low = tf.reduce_min(images, axis=[1, 2], keepdims=True)
    light = images - low
    per_photon = tf.reduce_mean(light, axis=[1, 2], keepdims=True) / per_image(photons, images)  # grey values
    expected = tf.math.divide_no_nan(light, per_photon)
    expected = tf.where(tf.math.is_finite(expected), expected, 0.0)  # TensorFlow never comes back from drawing with NaN
    return low + per_photon * tf.random.stateless_poisson(tf.shape(images), seed, expected, tf.float32)


KIND = Kind("poisson:LEVEL", poisson)

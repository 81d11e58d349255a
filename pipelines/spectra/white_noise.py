"""White noise in single images: how much of them it is, and what they look like without it.

White noise is in the autocorrelation at distance 0 alone. What the signal has there, the straight line through the distances of
one and two pixels says (Thong, Sim and Phang 2001, single-image signal-to-noise ratio estimation).
"""

import numpy as np
import tensorflow as tf

from pipelines.spectra.noise_spectrum import on_grid, radial_power

LEAST = 0.05  # of an image is signal: what is less than that is known too badly to divide by


def signal_share(images):
    """The share of the variance that is not white noise, float32 (batch,), `LEAST` to 1.

    Args:
        images: float32 (batch, height, width), at least 3 pixels a side. A constant one has the share 1.
    """
    images = images - tf.reduce_mean(images, (1, 2), keepdims=True)
    one, two = (_correlated(images, distance) for distance in (1, 2))
    variance = tf.reduce_mean(images**2, (1, 2))
    share = tf.where(variance > np.finfo(np.float32).tiny, (2.0 * one - two) / variance, 1.0)
    return tf.clip_by_value(share, LEAST, 1.0)


def without_white_noise(images):
    """Images as they may look without their white noise, float32 (batch, height, width), mean 0.

    Every ring of frequencies keeps the power that the signal has in it: an image has the sharpness of the clean one, and what
    is left of the noise looks like texture.

    Args:
        images: float32 (batch, size, size).
    """
    size = images.shape[1]
    images = images - tf.reduce_mean(images, (1, 2), keepdims=True)
    noise = (1.0 - signal_share(images)) * tf.reduce_mean(images**2, (1, 2))  # (batch,), in every ring
    mirrored = tf.concat([images, images[:, ::-1]], 1)  # periodic without a jump at the border
    mirrored = tf.concat([mirrored, mirrored[:, :, ::-1]], 2)
    power = radial_power(mirrored)  # (batch, rings)
    kept = tf.sqrt(tf.nn.relu(1.0 - tf.math.divide_no_nan(noise[:, None], power)))
    spectrum = tf.signal.rfft2d(mirrored) * tf.cast(on_grid(kept, 2 * size, 2 * size), tf.complex64)
    return tf.signal.irfft2d(spectrum, [2 * size, 2 * size])[:, :size, :size]


def _correlated(images, distance):
    """Mean product (batch,) of pixels that far apart, along both axes."""
    down = tf.reduce_mean(images[:, distance:] * images[:, :-distance], (1, 2))
    return 0.5 * (down + tf.reduce_mean(images[:, :, distance:] * images[:, :, :-distance], (1, 2)))

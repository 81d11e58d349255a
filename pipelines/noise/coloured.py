"""Gaussian noise with a radial power spectrum, see `pipelines.spectra.noise_spectrum`."""

import tensorflow as tf

from pipelines.noise import random_rows
from pipelines.spectra.noise_spectrum import on_grid


def coloured(shape, power, seed, first=0):
    """Gaussian noise with a radial power spectrum.

    Args:
        shape: (batch, height, width); height and width plain integers, batch may be a tensor.
        power: (rings,) or (batch, rings). Between rings it is linear, beyond Nyquist (the corners) as the last ring.
        seed: int32 (2,). first: the images are those from `first` on of a larger batch, see `random_rows`.

    Returns:
        float32 (batch, height, width). Its variance is the mean of `power` over all frequencies of the image.
    """
    batch, height, width = shape
    power = tf.convert_to_tensor(power, tf.float32)
    amplitude = tf.sqrt(on_grid(power, height, width))  # (height, width // 2 + 1) or (batch, ...)
    white = random_rows.normal((batch, height, width), seed, first)
    spectrum = tf.signal.rfft2d(white) * tf.cast(amplitude, tf.complex64)
    return tf.signal.irfft2d(spectrum, fft_length=[height, width])

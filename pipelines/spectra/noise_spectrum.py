"""Radial power spectra of images, and of the noise in a stack.

A radial power spectrum is a float vector ``(rings,)``: ring i is the frequency ``i / (2 (rings - 1))`` cycles per pixel, so the
last one is Nyquist's 0.5, and its value is ``E|F|^2 / (height width)``, which is v in every ring of white noise of variance v.
"""

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.errors import InputError


def radial_power(images):
    """Ring-averaged power spectra (batch, rings) of images (batch, height, width), rings = min(height, width) // 2 + 1.

    The mean of each image is removed first. No window is applied: an image that does not fade out, or is not periodic,
    leaks across frequencies.
    """
    height, width = images.shape[1:]
    images = images - tf.reduce_mean(images, axis=[1, 2], keepdims=True)
    power = tf.square(tf.abs(tf.signal.rfft2d(images))) / (height * width)
    return _ring_means(power, width, min(height, width) // 2 + 1)


def background_power(images, radius):
    """Noise power spectrum of a stack, from the background outside the particles' disc.

    Cutting the disc out multiplies each image by a mask, which smears its spectrum; dividing by the mask's area would
    keep the variance but not the shape. The autocovariance takes the mask without bias: at each lag it is the sum of products
    over the pairs of background pixels that far apart, divided by the number of pairs. It is pooled over the stack, tapered
    (Parzen's window, to 3/4 of the box: this is what makes the result smooth, over about two rings) and transformed.

    Args:
        images: float32 (batch, height, width). Images with NaN or infinite pixels are left out. A few hundred are enough.
        radius: of the disc, pixels. Neighbouring particles outside it count as noise.

    Returns:
        float32 (rings,), rings = min(height, width) // 2 + 1, scaled so that noise of this spectrum (`pipelines.noise.coloured`)
        has the variance of the background (mean of each image's background removed, so the two lowest rings are too low).

    Raises:
        InputError: the disc leaves less than 5 % of the image, or no image is finite.
    """
    height, width = images.shape[1:]
    distance = np.linalg.norm(geometry.centred_grid(height, width), axis=-1)
    outside = (distance > radius).astype(np.float32)
    if outside.mean() < 0.05:
        raise InputError(f"background radius {radius:g}: leaves less than 5 % of a {width}x{height} image as background")
    images = tf.boolean_mask(images, tf.reduce_all(tf.math.is_finite(images), axis=[1, 2]))
    if tf.executing_eagerly() and images.shape[0] == 0:
        raise InputError("background power: no image without NaN or infinite pixels")

    mean = tf.reduce_sum(images * outside, axis=[1, 2], keepdims=True) / outside.sum()
    background = (images - mean) * outside
    variance = tf.reduce_mean(tf.reduce_sum(tf.square(background), axis=[1, 2])) / outside.sum()
    pairs = _autocorrelation(outside[None])  # (2 height, 2 width) pairs of background pixels at each lag
    lag = np.hypot(np.fft.fftfreq(2 * height, 0.5 / height)[:, None], np.fft.fftfreq(2 * width, 0.5 / width))
    taper = _parzen(lag / (0.75 * min(height, width)))
    taper = tf.where(pairs > 0.005 * height * width, taper, 0.0)  # too few pairs: nothing is known at this lag
    covariance = _autocorrelation(background) / tf.maximum(pairs, 1.0) * taper
    power = tf.math.real(tf.signal.rfft2d(covariance))  # twice as fine a grid as the image's own
    rings = _ring_means(power[None], 2 * width, min(height, width) // 2 + 1)[0]
    rings = tf.maximum(rings, 1e-4 * variance)  # an estimate may fall below zero where there is next to no power
    full = tf.reduce_sum(on_grid(rings, height, width) * _multiplicity(width)) / (height * width)
    return rings * (variance / full)


def _autocorrelation(images):
    """Sum of products at each lag, without wrap-around, mean over the batch: (batch, h, w) -> (2 h, 2 w)."""
    height, width = images.shape[1:]
    size = [2 * height, 2 * width]
    power = tf.reduce_mean(tf.square(tf.abs(tf.signal.rfft2d(images, fft_length=size))), axis=0)
    return tf.signal.irfft2d(tf.cast(power, tf.complex64), fft_length=size)


def _parzen(x):
    """Parzen's lag window of x >= 0, zero from 1 on: its transform is nowhere negative."""
    return np.where(x < 0.5, 1 - 6 * x**2 * (1 - x), np.where(x < 1, 2 * (1 - np.minimum(x, 1)) ** 3, 0)).astype(np.float32)


def _ring_coordinate(height, width, rings):
    """Radius, in rings, of every frequency in rfft layout (height, width // 2 + 1)."""
    y, x = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :]
    return np.hypot(y, x) * (2 * (rings - 1))


def _multiplicity(width):
    """How often each rfft column (width // 2 + 1,) stands in the full transform: its mirror image is left out."""
    column = np.arange(width // 2 + 1)
    return np.where((column == 0) | (2 * column == width), 1.0, 2.0).astype(np.float32)


def _ring_means(power, width, rings):
    """Mean over each ring of spectra (batch, height, width // 2 + 1) -> (batch, rings); the corners are left out."""
    ring = np.rint(_ring_coordinate(power.shape[1], width, rings)).astype(np.int32).ravel()
    weight = np.broadcast_to(_multiplicity(width), power.shape[1:]).ravel() * (ring < rings)
    ring = np.minimum(ring, rings - 1)
    flat = tf.transpose(tf.reshape(power, (-1, ring.size)) * weight)  # (frequencies, batch)
    total = tf.transpose(tf.math.unsorted_segment_sum(flat, ring, rings))
    return total / np.bincount(ring, weight, rings).astype(np.float32)


def on_grid(power, height, width):
    """Radial spectra (..., rings) at every frequency, (..., height, width // 2 + 1)."""
    rings = power.shape[-1]
    ring = np.minimum(_ring_coordinate(height, width, rings), rings - 1)
    lower = np.minimum(ring.astype(np.int32), rings - 2)
    weight = (ring - lower).astype(np.float32)
    return tf.gather(power, lower, axis=-1) * (1 - weight) + tf.gather(power, lower + 1, axis=-1) * weight

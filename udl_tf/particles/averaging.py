"""Averages of aligned particles: sums that chunks add to, and the filtered averages particles are compared with.

Numerator and denominator are those of the least-squares average of images F_i with CTFs c_i, ``sum c_i F_i / sum c_i^2``, in two
halves of the stack that never see each other.
"""

import numpy as np
import tensorflow as tf

from pipelines.geometry.warp import warp

HALVES = 2


def sums(images, ctf, angle, shift, weight, half):
    """What a batch of particles adds to the averages.

    Args:
        images: float32 (batch, n, n). ctf: None, or float32 (batch, n, n // 2 + 1).
        angle (batch,) degrees, shift (batch, 2) pixels: the poses. weight: (batch,). half: int32 (batch,).

    Returns:
        numerator (2, n, n): weighted sums of the images, each times its CTF, turned and moved.
        denominator (2, n, n // 2 + 1): weighted sums of the squared CTFs, not turned.
    """
    n = images.shape[1]
    share = tf.one_hot(half, HALVES) * weight[:, None]  # (batch, 2)
    if ctf is None:
        denominator = tf.reduce_sum(share, 0)[:, None, None] * tf.ones((1, n, n // 2 + 1))
    else:
        images = tf.signal.irfft2d(tf.signal.rfft2d(images) * tf.cast(ctf, tf.complex64), [n, n])
        denominator = tf.einsum("bh,bij->hij", share, tf.square(ctf))
    aligned = warp(images, angle, shift)
    return tf.einsum("bh,bij->hij", share, aligned), denominator


def gains(denominator, rings, regular=1e-3):
    """What numerators are divided by at each frequency, of denominators (k, n, n // 2 + 1), same shape.

    They are evened over directions, because the particles are turned and the sums of their CTFs were not; within a ring a CTF may
    change a lot. They also take back the blur of interpolation.

    regular: share of the largest denominator added, for frequencies the CTFs leave empty.
    """
    known = rings.evened(np.asarray(denominator, np.float64))
    return (known + regular * known.max((1, 2), keepdims=True) + 1e-12) * rings.fade


def average(numerator, denominator, rings):
    """Unfiltered averages (k, n, n) of sums (k, n, n), (k, n, n // 2 + 1)."""
    spectra = np.fft.rfft2(np.asarray(numerator, np.float64))
    return np.fft.irfft2(spectra * rings.inside / gains(denominator, rings), (rings.box, rings.box))

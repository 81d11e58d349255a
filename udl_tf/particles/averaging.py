"""Averages of aligned particles: sums that chunks add to, and the filtered averages particles are compared with.

Numerator and denominator are those of the least-squares average of images F_i with CTFs c_i, ``sum c_i F_i / sum c_i^2``, in two
halves of the stack that never see each other.
"""

import numpy as np
import tensorflow as tf

from pipelines.geometry.warp import warp

HALVES = 2
FINE = 8  # steps of the radius, per ring, within which frequencies count as equally far out


def half_of(rows):
    """Half-set (0 or 1) of particles by their row in the stack: even rows are one half, odd rows the other."""
    return np.asarray(rows) % HALVES


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


class Rings:
    """Rings of frequencies in the layout of rfft2 of images (box, box), NumPy float64."""

    def __init__(self, box):
        self.box = box
        y, x = np.fft.fftfreq(box)[:, None] * box, np.arange(box // 2 + 1)[None, :]
        self.radius = np.hypot(y, x)
        self.ring = np.rint(self.radius).astype(int)
        self.share = np.where((x == 0) | (2 * x == box), 1.0, 2.0) * np.ones_like(y)
        self.count = box // 2 + 1
        self.inside = self.ring < self.count
        # Bilinear interpolation between pixels, on the average over sub-pixel places.
        fade = np.square(np.sinc(y / box) * np.sinc(x / box))
        self.fade = self.evened(fade[None])[0]

    def means(self, values):
        """Ring means (..., rings) of values (..., box, box // 2 + 1)."""
        flat, ring, share = values[..., self.inside], self.ring[self.inside], self.share[self.inside]
        members = np.bincount(ring, share, self.count)
        rows = [np.bincount(ring, row * share, self.count) / members for row in flat.reshape(-1, flat.shape[-1])]
        return np.array(rows).reshape(*values.shape[:-2], self.count)

    def mean(self, rings):
        """Mean over all frequencies inside of ring values (rings,)."""
        members = np.bincount(self.ring[self.inside], self.share[self.inside], self.count)
        return float((rings * members).sum() / members.sum())

    def spread(self, rings):
        """Ring values (..., rings) at every frequency (..., box, box // 2 + 1), 0 in the corners."""
        return np.take(rings, np.minimum(self.ring, self.count - 1), axis=-1) * self.inside

    def evened(self, values):
        """Values (k, box, box // 2 + 1), each replaced by the mean over all frequencies of nearly its radius."""
        fine = np.rint(self.radius * FINE).astype(int).ravel()
        share = self.share.ravel()
        members = np.maximum(np.bincount(fine, share), 1e-12)
        rows = [(np.bincount(fine, row.ravel() * share) / members)[fine] for row in values]
        return np.reshape(rows, values.shape)


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

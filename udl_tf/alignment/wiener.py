"""Spectral weights of a pair from its own Fourier ring correlation: no truth and no noise model needed."""

import numpy as np
import tensorflow as tf


class PairFilter:
    """Filters both images of a roughly aligned pair so that correlating them is the maximum-likelihood comparison.

    With signal-to-noise ratio s of each image at a frequency, the likelihood weighs the product of both spectra by
    ``s / (1 + 2 s) / noise power``. The ring correlation of the aligned pair is ``r = s / (1 + s)``, and the noise power is
    ``(1 - r)`` times the total, so the weight is ``r / (1 + r) / ((1 - r) power)``; each image gets its square root.

    Args:
        box: image side, pixels. smoothing: rings the correlation is averaged over (Gaussian sigma).
        ceiling: largest ring correlation believed; it bounds the weight of noiseless frequencies.
    """

    def __init__(self, box, smoothing=4.0, ceiling=0.98):
        self.box, self.ceiling = box, ceiling
        y = np.fft.fftfreq(box)[:, None] * box
        x = np.arange(box // 2 + 1)[None, :]
        radius = np.hypot(y, x)
        self.rings = box // 2
        ring = np.round(radius).astype(np.int32)
        inside = ring < self.rings
        self.ring = np.minimum(ring, self.rings - 1).reshape(-1)
        share = np.where((x == 0) | (x == box // 2), 1.0, 2.0) * inside  # the half plane stands for the whole
        self.share, self.inside = share.reshape(-1).astype(np.float32), inside.reshape(-1).astype(np.float32)
        count = np.bincount(self.ring, self.share)
        self.count = count.astype(np.float32)
        k = np.arange(self.rings)
        kernel = np.exp(-0.5 * ((k[:, None] - k[None, :]) / smoothing) ** 2) * count[None, :]
        self.smooth = (kernel / kernel.sum(1, keepdims=True)).T.astype(np.float32)  # (rings in, rings out)

    def radial(self, product):
        """Ring averages (batch, rings) of (batch, box, box // 2 + 1), smoothed over neighbouring rings."""
        flat = tf.reshape(product, (-1, len(self.ring))) * self.share
        members = tf.one_hot(self.ring, self.rings)  # (frequencies, rings)
        return tf.matmul(tf.matmul(flat, members) / self.count, self.smooth)

    def weights(self, fixed, moving):
        """Amplitude weights (batch, rings) for each image of an aligned pair of windowed spectra (batch, n, n // 2 + 1)."""
        cross = self.radial(tf.math.real(fixed * tf.math.conj(moving)))
        power = tf.sqrt(self.radial(tf.square(tf.abs(fixed))) * self.radial(tf.square(tf.abs(moving))) + 1e-12)
        frc = tf.clip_by_value(cross / power, 0.0, self.ceiling)
        return tf.sqrt(frc / (1.0 + frc) / ((1.0 - frc) * power))

    def apply(self, spectra, weights):
        """Images (batch, n, n) of spectra (batch, n, n // 2 + 1), filtered by amplitude weights (batch, rings)."""
        gain = tf.reshape(tf.gather(weights, self.ring, axis=1) * self.inside, tf.shape(spectra))
        return tf.signal.irfft2d(spectra * tf.cast(gain, tf.complex64), [self.box, self.box])

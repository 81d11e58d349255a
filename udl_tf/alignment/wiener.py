"""Spectral weights of a pair from its own Fourier ring correlation: no truth and no noise model needed.

With signal-to-noise ratio s of each image at a frequency, the likelihood of a transform weighs the product of both spectra by
``s / (1 + 2 s) / noise power``. The ring correlation of the aligned pair is ``r = s / (1 + s)``, and the noise power is the
share ``1 - r`` of the total, so the weight is ``r / (1 + r) / ((1 - r) power)``. The profile likelihood of two complex Gaussian
spectra is ``-log(1 - r^2)`` for every independent frequency: it says how much more likely a common signal is than none.
"""

import numpy as np
import tensorflow as tf

from pipelines.spectra.spectral_plane import product

CEILING = 0.98  # largest ring correlation believed; it bounds the weight of noiseless frequencies


class Rings:
    """Ring averages over chosen frequencies of a half plane.

    Args:
        radius: (n,), distance of each frequency from the origin in rings. share: (n,), how often it counts, 0 to leave it out.
        count: rings. smoothing: rings the averages are taken over (Gaussian sigma).
    """

    def __init__(self, radius, share, count, smoothing):
        self.count = count
        self.ring = np.minimum(np.rint(radius), count - 1).astype(np.int32)
        self.share = np.asarray(share, np.float32)
        members = np.maximum(np.bincount(self.ring, self.share, count), 1e-6)
        self.independent = (members / 2.0).astype(np.float32)  # complex numbers in a ring: the half plane holds all
        k = np.arange(count)
        kernel = np.exp(-0.5 * ((k[:, None] - k[None, :]) / smoothing) ** 2) * members[None, :]
        self.smooth = (kernel / kernel.sum(1, keepdims=True) / members[None, :]).T.astype(np.float32)  # (rings in, rings out)

    def members(self):
        """Which frequency lies in which ring, times how often it counts: (n, rings), made in the graph and not stored with it."""
        return tf.one_hot(self.ring, self.count) * self.share[:, None]

    def means(self, values):
        """Smoothed ring averages (batch, rings) of real values (batch, n)."""
        return tf.matmul(tf.matmul(values, self.members()), self.smooth)

    def spread(self, rings):
        """Values (batch, rings) at every frequency, times how often it counts: (batch, n)."""
        return tf.matmul(rings, self.members(), transpose_b=True)

    def coherence(self, fixed, moving, ceiling=CEILING):
        """Ring correlation in [0, ceiling] and the power of each, (batch, rings), of two spectra (batch, 2, n)."""
        cross = self.means(product(fixed, moving))
        powers = [self.means(product(part, part)) + 1e-12 for part in (fixed, moving)]
        return tf.clip_by_value(cross / tf.sqrt(powers[0] * powers[1]), 0.0, ceiling), *powers

    def evidence(self, coherence):
        """Log-likelihood (batch,) of a common signal against none, from ring correlations (batch, rings)."""
        return -tf.reduce_sum(self.independent * tf.math.log(1.0 - tf.square(coherence)), axis=1)


def likelihood_weights(coherence, power):
    """Weight of the product of both spectra in each ring, (batch, rings)."""
    return coherence / (1.0 + coherence) / ((1.0 - coherence) * power)

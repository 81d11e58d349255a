"""Signs by which it is told whether an aligned pair shows one object: evidence in bands of rings, and in every direction.

Different objects of one size agree in the lowest rings and in no others. Edges and stripes agree in one direction of
frequencies alone; an object, in all.
"""

import numpy as np
import tensorflow as tf

from pipelines.spectra import spectral_plane

BANDS = (1, 4, 7, 11, 15, 99)  # first rings of the bands, cycles per box, and the end
SECTORS = 6  # of directions of frequencies


class Signs:
    """Measures aligned pairs of spectra.

    Args:
        points: frequencies (n, 2). share: how often each counts (n,). rings: `wiener.Rings` of these points.
    """

    COUNT = 2 * (len(BANDS) - 1) + SECTORS

    def __init__(self, points, share, rings):
        number = np.arange(rings.count)
        bands = [(number >= low) & (number < high) for low, high in zip(BANDS, BANDS[1:], strict=False)]
        self.bands = (np.stack(bands, 1) * rings.independent[:, None]).astype(np.float32)  # (rings, bands)
        self.rings = rings
        direction = np.arctan2(points[:, 1], points[:, 0]) % np.pi
        sector = np.minimum((direction / np.pi * SECTORS).astype(int), SECTORS - 1)
        self.sectors = (np.eye(SECTORS)[sector] * np.asarray(share)[:, None]).astype(np.float32)  # (n, sectors)

    def __call__(self, fixed, moving, coherence, possible, power, other):
        """Measure spectra (batch, 2, n) of which ring correlations and powers (batch, rings) are known.

        Returns:
            (batch, COUNT): logarithms of 1 + evidence in each band, of 1 + the `possible` evidence in each, and the standard
            score of the agreement in each sector, in order, as the square root of its size.
        """
        found, most = (tf.matmul(-tf.math.log(1.0 - tf.square(part)), self.bands) for part in (coherence, possible))
        weight = coherence / (1.0 - tf.square(coherence)) + 1e-3
        cross = spectral_plane.product(fixed, moving)
        # `spread` counts a frequency as often as the whole plane holds it; the sectors do that here.
        members = tf.one_hot(self.rings.ring, self.rings.count)
        gain = tf.matmul(weight * tf.math.rsqrt(power * other), members, transpose_b=True)  # (batch, n)
        noise = tf.matmul(tf.square(weight), members, transpose_b=True)
        score = tf.matmul(cross * gain, self.sectors) * tf.math.rsqrt(tf.matmul(noise, self.sectors) + 1e-12)
        score = tf.sort(score, axis=1)
        return tf.concat([tf.math.log1p(found), tf.math.log1p(most), tf.sign(score) * tf.sqrt(tf.abs(score))], 1)

"""How much of what two images hold in their highest frequencies they have in common, once one is brought onto the other.

The power of an image does not tell fine texture from white noise: both are flat. A pair tells, for noise is not shared. Of the
ring correlation r of two images with one signal and noise of their own the share 1 - r is noise (`udl_tf.alignment.wiener`).
"""

import numpy as np
import tensorflow as tf

from pipelines.geometry.warp import warp
from udl_tf.networks.window import soft_disc, windowed

CERTAIN = 3.0  # standard deviations by which images without a common signal may seem to agree: taken off
MOST = 0.98  # largest agreement believed


class Agreement:
    """Measures pairs near their transform.

    Args:
        box: image side. radius: of the disc about the centre that is looked at, as a share of half the side. Within a small one
            a turn that is a degree off moves nothing by much.
    """

    def __init__(self, box, radius):
        self.window = soft_disc(box, radius)
        x = np.arange(box // 2 + 1)[None, :]
        distance = np.hypot(np.fft.fftfreq(box)[:, None] * box, x)
        self.distance = (distance / (box / 2.0)).astype(np.float32)  # of the Nyquist frequency
        self.times = np.where((x == 0) | (x == box // 2), 1.0, 2.0).astype(np.float32)
        self.seen = float(np.square(np.square(self.window).sum()) / np.power(self.window, 4).sum() / box**2)

    def __call__(self, fixed, moving, angle, shift, band):
        """Share (batch,) in [0, MOST] of the power of images (batch, box, box) that both have in common.

        Args:
            angle, shift: (batch,), (batch, 2), which bring the moving images onto the fixed ones.
            band: lowest and highest frequency looked at, shares of the Nyquist frequency.
        """
        chosen = tf.cast((self.distance >= band[0]) & (self.distance < band[1]), tf.float32) * self.times
        pair = [tf.signal.rfft2d(windowed(images, self.window)) for images in (fixed, warp(moving, angle, shift))]
        cross = tf.reduce_sum(tf.math.real(pair[0] * tf.math.conj(pair[1])) * chosen, [1, 2])
        powers = [tf.reduce_sum(tf.square(tf.abs(one)) * chosen, [1, 2]) for one in pair]
        agreed = tf.math.divide_no_nan(cross, tf.sqrt(powers[0] * powers[1]))
        chance = CERTAIN * tf.math.rsqrt(tf.reduce_sum(chosen) * self.seen + 1e-6)
        return tf.clip_by_value(agreed - chance, 0.0, MOST)

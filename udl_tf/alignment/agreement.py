"""How much of what two images hold in their highest frequencies they have in common, once one is brought onto the other.

The power of an image does not tell fine texture from white noise: both are flat. A pair tells, for noise is not shared. Of the
ring correlation r of two images with one signal and noise of their own the share 1 - r is noise (`udl_tf.alignment.wiener`).
"""

import numpy as np
import tensorflow as tf

from pipelines.geometry.warp import warp
from udl_tf.networks.window import windowed

CERTAIN = 3.0  # standard deviations by which images without a common signal may seem to agree: taken off
MOST = 0.98  # largest agreement believed


class Agreement:
    """Measures pairs near their transform.

    Args:
        box: image side.
    """

    def __init__(self, box):
        self.pixels = box**2
        x = np.arange(box // 2 + 1)[None, :]
        distance = np.hypot(np.fft.fftfreq(box)[:, None] * box, x)
        self.distance = (distance / (box / 2.0)).astype(np.float32)  # of the Nyquist frequency
        self.times = np.where((x == 0) | (x == box // 2), 1.0, 2.0).astype(np.float32)

    def __call__(self, fixed, moving, angle, shift, band, window):
        """Share (batch,) in [0, MOST] of the power of images (batch, box, box) that both have in common.

        Args:
            angle, shift: (batch,), (batch, 2), which bring the moving images onto the fixed ones.
            band: (2,), lowest and highest frequency looked at, shares of the Nyquist frequency.
            window: (box, box), what is looked at (`window.soft_disc`). In a small disc about the centre a turn that is a degree
                off moves nothing by much.
        """
        chosen = tf.cast((self.distance >= band[0]) & (self.distance < band[1]), tf.float32) * self.times
        pair = [tf.signal.rfft2d(windowed(images, window)) for images in (fixed, warp(moving, angle, shift))]
        cross = tf.reduce_sum(tf.math.real(pair[0] * tf.math.conj(pair[1])) * chosen, [1, 2])
        powers = [tf.reduce_sum(tf.square(tf.abs(one)) * chosen, [1, 2]) for one in pair]
        agreed = tf.math.divide_no_nan(cross, tf.sqrt(powers[0] * powers[1]))
        area = tf.square(tf.reduce_sum(tf.square(window))) / tf.reduce_sum(tf.pow(window, 4.0)) / self.pixels
        chance = CERTAIN * tf.math.rsqrt(tf.reduce_sum(chosen) * area + 1e-6)
        return tf.clip_by_value(agreed - chance, 0.0, MOST)

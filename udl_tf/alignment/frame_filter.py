"""The filter of a pair that is not aligned yet, from the power of both images: no truth and no noise model needed.

What an image's highest rings of frequencies hold is taken for noise, white; what stands out of it, for signal. Where there is
no noise, interpolation leaves errors that go with the signal. With noise power N and signal-to-noise ratio s of each ring the
likelihood weighs the product of both spectra by ``s / (1 + 2 s) / N`` (`udl_tf.alignment.wiener`).
"""

import collections

import numpy as np
import tensorflow as tf

from pipelines.spectra.resample import fourier_resample
from udl_tf.alignment.wiener import Rings
from udl_tf.networks.window import soft_disc

HIGHEST = 50.0  # largest signal-to-noise ratio believed
NOISE = 0.75, 0.97  # of the Nyquist frequency: rings that are taken for noise
TINY = 1e-6  # share of the largest power that is added to all: what rounding leaves
ERROR = 1e-3  # least power that interpolation is thought to leave, as a share of the largest
SMOOTHING = 4.0  # rings the power is averaged over (Gaussian sigma)

Filtered = collections.namedtuple("Filtered", "fixed moving share expected independent")


class FrameFilter:
    """Filters both images of a pair so that correlating them is the maximum-likelihood comparison, wherever they lie.

    Args:
        box: image side, pixels.
    """

    def __init__(self, box):
        self.box = box
        x = np.arange(box // 2 + 1)[None, :]
        radius = np.hypot(np.fft.fftfreq(box)[:, None] * box, x)
        inside = np.rint(radius) < box // 2
        share = np.where((x == 0) | (x == box // 2), 1.0, 2.0) * inside  # the half plane stands for the whole
        self.rings = Rings(radius.reshape(-1), share.reshape(-1), box // 2, SMOOTHING)
        self.inside = inside.astype(np.float32)
        self.window = soft_disc(box)
        self.slopes = (self.rings.independent * np.arange(box // 2) ** 2).astype(np.float32)

    def seen(self, fixed, moving):
        """Spectra of both images (batch, box, box), and the power (batch, rings) of the pair: what `filtered` starts from."""
        power = tf.sqrt(self._power(fixed) * self._power(moving))
        power += TINY * tf.reduce_max(power, 1, keepdims=True) + 1e-12
        return [tf.signal.rfft2d(images) for images in (fixed, moving)], power

    def filtered(self, spectra, power, native, sizes, agreed=0.0):
        """Filter.

        Args:
            spectra, power: what is `seen` of a pair. native: side of the images before they were brought to the box: smaller
                ones hold no higher frequencies, and no noise there. sizes: sides that are wanted, the box or less.
            agreed: (batch,), share of the highest frequencies that both images have in common (`agreement`): it is no noise.

        Returns:
            dict of `Filtered` by size: `fixed` and `moving` (batch, size, size); `share` (batch,) of the signal in the power of
            the filtered images' gradients; `expected` (batch,), in their power, which is the correlation of an aligned pair;
            `independent` (batch,), how many complex numbers that count alike the pair holds.
        """
        noise = ((1.0 - agreed) * tf.linalg.matvec(power, self._noise_rings(native)))[:, None]
        return {size: self._at(size, spectra, power, noise) for size in sizes}

    def _at(self, size, spectra, power, noise):
        """`Filtered` of a size, of the spectra of both images, from the power of them and of the noise in each ring."""
        snr = tf.clip_by_value(power / noise - 1.0, 0.0, HIGHEST)
        # What interpolation leaves goes with the power: where that is all there is, the strongest rings are held down.
        left = tf.maximum(power / HIGHEST, ERROR * tf.reduce_max(power, 1, keepdims=True))
        weight = snr / (1.0 + 2.0 * snr) / (tf.maximum(noise, left) if size == self.box else noise)
        pair = (fourier_resample(self._filtered(one, tf.sqrt(weight)), size) for one in spectra)
        return Filtered(*pair, *self._told(size, weight * power, snr))

    def noise_band(self, native):
        """Lowest and highest frequency that are taken for noise, (2,), as shares of the box's Nyquist frequency."""
        return tf.constant(NOISE) * tf.minimum(tf.cast(native, tf.float32) / self.box, 1.0)

    def _noise_rings(self, native):
        """Weights (rings,) whose sum is 1 of those that are taken for noise."""
        highest = tf.minimum(tf.cast(native, tf.float32), float(self.box)) / 2.0
        share = tf.range(self.box // 2, dtype=tf.float32) / highest
        chosen = tf.cast((share >= NOISE[0]) & (share < NOISE[1]), tf.float32)
        return tf.math.divide_no_nan(chosen, tf.reduce_sum(chosen))

    def _told(self, size, power, snr):
        """Share of the signal in gradients and in power, and independent numbers, up to the Nyquist frequency of a size."""
        power, snr = power[:, : size // 2], snr[:, : size // 2]
        slopes, count = self.slopes[: size // 2], self.rings.independent[: size // 2]
        signal = power * snr / (1.0 + snr)
        parts = [(tf.linalg.matvec(signal, one), tf.linalg.matvec(power, one)) for one in (slopes, count)]
        spread = tf.square(parts[1][1]), tf.linalg.matvec(tf.square(power), count)
        return tuple(tf.math.divide_no_nan(*one) for one in (*parts, spread))

    def _power(self, images):
        """Of images (batch, box, box) in each ring, smoothed: (batch, rings)."""
        spectra = tf.signal.rfft2d(images * self.window)
        return self.rings.means(tf.reshape(tf.square(tf.abs(spectra)), (-1, self.inside.size)))

    def _filtered(self, spectra, gains):
        gain = tf.gather(gains, self.rings.ring, axis=1)  # (batch, frequencies)
        gain = tf.reshape(gain, tf.shape(spectra)) * self.inside
        return tf.signal.irfft2d(spectra * tf.cast(gain, tf.complex64), [self.box, self.box])

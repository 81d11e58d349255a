"""Shift between two images by Fourier correlation over low frequencies, for several candidate angles at once."""

import numpy as np
import tensorflow as tf

from pipelines import geometry, spectrum
from pipelines.warp import warp


class FourierCorrelation:
    """Correlates a fixed image with turned copies of a moving one over all shifts of a range (paper section 3.2, ref. [5]).

    Everything is a product of small matrices: only frequencies below `band` and shifts below `reach` are computed.

    Args:
        box: image side, pixels. band: highest frequency used, cycles per pixel. reach: largest shift, pixels.
        falloff: frequencies are weighted by exp(-(k / falloff)^2 / 2), cycles per pixel, after whitening by the pair's own
            radial amplitudes, which needs no truth.
    """

    def __init__(self, box, band=0.16, reach=32, falloff=0.07):
        self.box, self.reach = box, reach
        self.pad = box + box // 2  # at shifts to a quarter of the box, what wraps around stays outside the overlap
        highest = int(band * self.pad)
        self.horizontal, self.vertical = np.arange(highest + 1), np.arange(-highest, highest + 1)
        radius = np.hypot(self.horizontal[:, None], self.vertical[None, :])  # (horizontal, vertical)
        self.ring = np.minimum(np.round(radius), highest).astype(np.int32).reshape(-1)
        self.rings = highest + 1
        taper = np.exp(-0.5 * (radius / self.pad / falloff) ** 2) * (radius <= highest) * (radius > 0)
        taper[1:] *= 2.0  # the half plane stands for the whole
        self.taper = taper.astype(np.float32)[:, :, None]
        shifts = np.arange(-reach, reach + 1)
        down = 2.0 * np.pi * np.outer(shifts, self.vertical) / self.pad
        across = 2.0 * np.pi * np.outer(shifts, self.horizontal) / self.pad
        cos, sin = np.cos(down), np.sin(down)
        self.down = np.block([[cos, -sin], [sin, cos]]).astype(np.float32)  # (2 dy, 2 vertical)
        self.across = np.concatenate([np.cos(across), -np.sin(across)], 1).astype(np.float32)  # (dx, 2 horizontal)
        self.disc = soft_disc(box)

    def transform(self, images):
        """Whitened low frequencies of images (batch, box, box): real, imaginary (horizontal, vertical, batch)."""
        real, imag = spectrum.fourier(images * self.disc, self.horizontal, self.vertical, self.pad)
        power = tf.reshape(real * real + imag * imag, (len(self.ring), -1))
        radial = tf.math.unsorted_segment_mean(power, self.ring, self.rings)  # (rings, batch)
        white = tf.reshape(tf.gather(tf.math.rsqrt(radial + 1e-12), self.ring), tf.shape(real))
        return real * white, imag * white

    def surface(self, fixed, moving):
        """Correlation in [-1, 1] over shifts (dx, dy, batch) of two transforms; dx, dy run from -reach to reach."""
        (f_real, f_imag), (m_real, m_imag) = fixed, moving
        real = (f_real * m_real + f_imag * m_imag) * self.taper
        imag = (f_imag * m_real - f_real * m_imag) * self.taper
        rows = tf.matmul(self.down[None], tf.concat([real, imag], 1))  # (horizontal, 2 dy, batch)
        count = 2 * self.reach + 1
        columns = tf.concat([rows[:, :count], rows[:, count:]], 0)  # (2 horizontal, dy, batch)
        flat = tf.reshape(columns, (2 * len(self.horizontal), -1))
        return tf.reshape(tf.matmul(self.across, flat), (count, count, -1)) / float(self.taper.sum())

    def best_shift(self, surface, max_shift):
        """The highest correlation within `max_shift` pixels: shift (batch, 2) with a parabola's precision, value (batch,)."""
        shifts = np.arange(-self.reach, self.reach + 1, dtype=np.float32)
        distance = np.hypot(shifts[:, None], shifts[None, :])
        count, batch = 2 * self.reach + 1, tf.shape(surface)[2]
        allowed = tf.where((distance <= max_shift)[:, :, None], surface, -2.0)
        flat = tf.transpose(tf.reshape(allowed, (count * count, batch)))  # (batch, dx * dy)
        peak = tf.argmax(flat, axis=1, output_type=tf.int32)
        ix, iy = peak // count, peak % count
        value = tf.gather(flat, peak, batch_dims=1)
        whole = tf.transpose(surface, (2, 0, 1))

        def at(dx, dy):
            x = tf.clip_by_value(ix + dx, 0, count - 1)
            y = tf.clip_by_value(iy + dy, 0, count - 1)
            return tf.gather_nd(whole, tf.stack([x, y], 1), batch_dims=1)

        dx = parabola_peak(at(-1, 0), value, at(1, 0))
        dy = parabola_peak(at(0, -1), value, at(0, 1))
        return tf.stack([tf.gather(shifts, ix) + dx, tf.gather(shifts, iy) + dy], 1), value

    def choose(self, fixed, moving, angles, max_shift):
        """Try candidate angles, each also turned by 180 degrees, and keep the one that correlates best.

        Args:
            fixed, moving: float32 (batch, box, box). angles: (batch, candidates) degrees. max_shift: pixels, at most `reach`.

        Returns:
            angle (batch,) degrees in [-180, 180), shift (batch, 2) pixels, correlation (batch,) in [-1, 1].
        """
        count = angles.shape[1]
        flat = tf.reshape(angles, (-1,))  # candidates of one pair lie side by side
        real, imag = self.transform(warp(tf.repeat(moving, count, axis=0), flat, tf.zeros((tf.size(flat), 2))))
        both = tf.concat([real, real], 2), tf.concat([imag, -imag], 2)  # turned by 180 degrees: the conjugate
        target = [tf.tile(tf.repeat(part, count, axis=2), (1, 1, 2)) for part in self.transform(fixed)]
        shift, value = self.best_shift(self.surface(target, both), max_shift)
        tried = tf.concat([flat, flat + 180.0], 0)
        turns, pairs, places = tf.range(2)[None, :, None], tf.range(tf.shape(fixed)[0])[:, None, None], tf.range(count)
        rows = tf.reshape(turns * tf.size(flat) + pairs * count + places, (-1, 2 * count))  # where the tries of a pair lie
        best = tf.argmax(tf.gather(value, rows), axis=1)
        chosen = tf.gather(rows, best, batch_dims=1)
        return geometry.wrap_degrees(tf.gather(tried, chosen)), tf.gather(shift, chosen), tf.gather(value, chosen)


def soft_disc(box, radius=0.94, edge=0.03):
    """A disc (box, box) with a logistic edge; radius and edge as shares of half the side."""
    distance = np.linalg.norm(geometry.centred_grid(box, box), axis=-1) / (box / 2.0)
    return (1.0 / (1.0 + np.exp((distance - radius) / edge))).astype(np.float32)


def parabola_peak(left, middle, right):
    """Offset in [-0.5, 0.5] of the peak of the parabola through three equally spaced values."""
    curvature = left - 2.0 * middle + right
    return tf.clip_by_value(tf.math.divide_no_nan(0.5 * (left - right), curvature), -0.5, 0.5)

"""Layers of the group network: low frequencies of images, and their correlation over rotations and shifts."""

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.spectra import spectral_plane, spectrum


@tf.keras.utils.register_keras_serializable(package="udl_tf")
class SpectralPlane(tf.keras.layers.Layer):
    """Windowed images (batch, n, n) to their low-frequency planes, see `pipelines.spectra.spectral_plane`."""

    def __init__(self, highest, **keras_options):
        super().__init__(**keras_options)
        self.highest = highest

    def call(self, images):
        """Planes (batch, 2 h + 1, h + 1, 2)."""
        return spectral_plane.plane(images, self.highest)

    def get_config(self):
        """Keras configuration."""
        return {**super().get_config(), "highest": self.highest}


@tf.keras.utils.register_keras_serializable(package="udl_tf")
class GroupCorrelation(tf.keras.layers.Layer):
    """Normalised correlation of two images over all rotations of a grid, each at the best shift of a grid.

    Maps ``[fixed, moving]`` planes to correlation (batch, angles), values in [-1, 1], and shift (batch, angles, 2) pixels: entry
    j is the agreement when `moving` is turned by ``j * 360 / angles`` degrees and then moved by that shift.

    Every ring of frequencies is divided by its own power to the learned exponent `whiten` and multiplied by its learned weight.
    Turns beyond 180 degrees are complex conjugates of the others. The batch is the last axis inside: gathers of whole rows and
    products of small matrices are all there is.

    Args:
        angles: rotations over 360 degrees, even. band: highest frequency used. highest: of the planes. box: image side.
        spacing, reach: of the shifts, as shares of the box.
    """

    def __init__(self, angles, band, highest, box, spacing, reach, **keras_options):
        super().__init__(**keras_options)
        self.angles, self.band, self.highest = angles, band, highest
        self.box, self.spacing, self.reach = box, spacing, reach
        steps = int(round(reach / spacing))
        self.shifts = np.arange(-steps, steps + 1, dtype=np.float32) * (spacing * box)
        x, y = np.mgrid[: band + 1, -band : band + 1].astype(np.float32)
        self.points = np.stack([x, y], -1).reshape(-1, 2)  # frequencies, the vertical one running fastest

    def build(self, input_shape):
        """Create the ring weights (logarithms) and the exponent."""
        self.log_weight = self.add_weight(name="log_weight", shape=(self.band + 1,), initializer="zeros")
        self.whiten = self.add_weight(name="whiten", shape=(), initializer="zeros")

    def call(self, planes, max_shift=None):
        """Correlation (batch, angles) and shift (batch, angles, 2), looked for within `max_shift` pixels (default: the reach)."""
        fixed, moving = (self._half(part) for part in planes)
        step = spectral_plane.PAD
        fixed = [part[:-1:step, 1:-1:step] for part in fixed]  # (horizontal, vertical, batch)
        fixed = self._weighted(*fixed)
        moving = self._weighted(*self._turned(*moving))  # (horizontal, vertical, angles / 2 * batch)
        limit = self.shifts[-1] if max_shift is None else max_shift
        surface = self._surface(fixed, moving, limit)  # (shifts, angles, batch)
        best = tf.transpose(tf.argmax(surface, axis=0, output_type=tf.int32))  # (batch, angles)
        count = len(self.shifts)
        table = tf.constant(self.shifts)
        shift = tf.stack([tf.gather(table, best // count), tf.gather(table, best % count)], -1)
        return tf.transpose(tf.reduce_max(surface, axis=0)), shift

    def _half(self, planes):
        """Real and imaginary part of the half planes up to the band: (horizontal >= 0, vertical, batch)."""
        middle, edge = self.highest * spectral_plane.PAD + 1, self.band * spectral_plane.PAD + 1
        half = planes[:, middle - edge : middle + edge + 1, : edge + 1]
        return tf.unstack(tf.transpose(half, (3, 2, 1, 0)))

    def _turned(self, real, imag):
        """Half planes turned by the first half of the angles, angles and batch side by side as the last axis."""
        turns = tf.range(self.angles // 2, dtype=tf.float32) * (360.0 / self.angles)
        points = geometry.rotate_points(-turns[None, :], tf.constant(self.points * spectral_plane.PAD)[:, None])
        index, weight, sign = spectrum.half_plane_bilinear(tf.reshape(points, (-1, 2)), self.band * spectral_plane.PAD + 1)
        shape = (self.band + 1, 2 * self.band + 1, -1)
        flat = [tf.reshape(part, (-1, tf.shape(part)[2])) for part in (real, imag)]
        sampled = [tf.add_n([tf.gather(part, index[:, j]) * tf.expand_dims(weight[:, j], 1) for j in range(4)]) for part in flat]
        return tf.reshape(sampled[0], shape), tf.reshape(sampled[1] * sign[:, None], shape)

    def _weighted(self, real, imag):
        """Spectra (horizontal, vertical, n) with each ring weighted, of norm 1 over the whole plane."""
        radius = np.linalg.norm(self.points, axis=1)
        ring = np.minimum(np.rint(radius), self.band).astype(np.int32)
        share = spectral_plane.multiplicity(self.points, self.band)
        share = tf.constant(share.reshape(self.band + 1, -1, 1))  # (horizontal, vertical, 1)
        size = len(ring)
        power = tf.reshape((real * real + imag * imag) * share, (size, -1))
        rings = tf.math.unsorted_segment_sum(power, ring, self.band + 1)  # (rings, n)
        total = tf.reduce_sum(rings, axis=0, keepdims=True) + 1e-12
        gain = tf.exp(self.log_weight[:, None] - 0.5 * self.whiten * tf.math.log(rings / total + 1e-6))
        gain *= tf.math.rsqrt(tf.reduce_sum(rings * gain * gain, axis=0, keepdims=True) + 1e-12)
        gain = tf.reshape(tf.gather(gain, ring), tf.shape(real)) * tf.sqrt(share)
        return real * gain, imag * gain

    def _surface(self, fixed, moving, limit):
        """Correlation (shifts, angles, batch); shifts are (dx, dy) with dy running fastest."""
        (f_real, f_imag), (m_real, m_imag) = (
            [tf.reshape(part, (*part.shape[:2], n, -1)) for part in pair] for pair, n in ((fixed, 1), (moving, self.angles // 2))
        )
        rr, ii, ir, ri = f_real * m_real, f_imag * m_imag, f_imag * m_real, f_real * m_imag
        real = tf.concat([rr + ii, rr - ii], 2)  # the second half of the angles: turned by 180 degrees more, the conjugate
        imag = tf.concat([ir - ri, ir + ri], 2)
        vertical, horizontal = np.arange(-self.band, self.band + 1), np.arange(self.band + 1)
        down = tf.constant(2.0 * np.pi / self.box * np.outer(self.shifts, vertical), tf.float32)
        across = tf.constant(2.0 * np.pi / self.box * np.outer(self.shifts, horizontal), tf.float32)
        cos, sin = tf.cos(down), tf.sin(down)
        down = tf.concat([tf.concat([cos, -sin], 1), tf.concat([sin, cos], 1)], 0)  # (2 dy, 2 vertical)
        across = tf.concat([tf.cos(across), -tf.sin(across)], 1)  # (dx, 2 horizontal)
        u, v, count = len(horizontal), len(vertical), len(self.shifts)
        both = tf.concat([tf.reshape(real, (u, v, -1)), tf.reshape(imag, (u, v, -1))], 1)
        rows = tf.matmul(down[None], both)  # (horizontal, 2 dy, angles * batch)
        columns = tf.reshape(tf.concat([rows[:, :count], rows[:, count:]], 0), (2 * u, -1))
        surface = tf.matmul(across, columns)
        distance = np.hypot(self.shifts[:, None], self.shifts[None, :]).reshape(-1)
        outside = tf.cast(distance > limit + 1e-3, tf.float32)
        return tf.reshape(surface, (count * count, self.angles, -1)) - 9.0 * outside[:, None, None]

    def get_config(self):
        """Keras configuration."""
        names = ("angles", "band", "highest", "box", "spacing", "reach")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

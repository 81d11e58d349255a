"""Shift between two images by Fourier correlation over low frequencies (paper section 3.2, its reference [5])."""

import numpy as np
import tensorflow as tf

from pipelines.spectra import spectral_plane
from udl_tf.alignment.peaks import parabola_peak


class ShiftSearch:
    """Correlates spectra over all shifts of a grid. Everything is a product of small matrices.

    Args:
        box: image side, pixels. highest: frequency of the spectra (`spectral_plane`). reach: largest shift, pixels.
        spacing: of the grid, pixels. falloff: frequencies are weighted by exp(-(k / falloff)^2 / 2), k in cycles per box, after
            whitening by the pair's own radial amplitudes, which needs no truth.
    """

    def __init__(self, box, highest, reach, spacing=2.0, falloff=9.0):
        self.highest, self.spacing = highest, spacing
        steps = int(np.ceil(reach / spacing))
        self.shifts = np.arange(-steps, steps + 1, dtype=np.float32) * spacing
        self.distance = np.hypot(self.shifts[:, None], self.shifts[None, :])  # (dy, dx)
        self.points = spectral_plane.grid(highest)
        self.down = 2.0 * np.pi / box * np.outer(self.shifts, np.arange(-highest, highest + 1))
        self.across = 2.0 * np.pi / box * np.outer(self.shifts, np.arange(highest + 1))
        radius = np.linalg.norm(self.points, axis=1)
        self.ring = np.rint(radius).astype(np.int32)
        taper = np.exp(-0.5 * (radius / falloff) ** 2) * spectral_plane.multiplicity(self.points, highest)
        self.taper = (taper / taper.sum()).astype(np.float32)

    def whitened(self, spectra):
        """Spectra (batch, 2, n) at `points` with mean power 1 in every ring."""
        members = tf.one_hot(self.ring, int(self.ring.max()) + 1)
        rings = tf.matmul(spectral_plane.product(spectra, spectra), members) / tf.reduce_sum(members, 0)
        return spectra * tf.matmul(tf.math.rsqrt(rings + 1e-12), members, transpose_b=True)[:, None]

    def surface(self, fixed, moving):
        """Correlation in [-1, 1] over shifts (batch, dy, dx) that bring whitened `moving` spectra onto `fixed` ones."""
        real = spectral_plane.product(fixed, moving) * self.taper
        imag = (fixed[:, 1] * moving[:, 0] - fixed[:, 0] * moving[:, 1]) * self.taper
        real, imag = (tf.reshape(part, (-1, 2 * self.highest + 1, self.highest + 1)) for part in (real, imag))
        # The product's sum over frequencies k of exp(2 pi i k shift), along y and then along x; only its real part is wanted.
        (cos_y, sin_y), (cos_x, sin_x) = (
            (tf.constant(np.cos(phase), tf.float32), tf.constant(np.sin(phase), tf.float32)) for phase in (self.down, self.across)
        )
        rows_real = tf.matmul(cos_y, real) - tf.matmul(sin_y, imag)
        rows_imag = tf.matmul(sin_y, real) + tf.matmul(cos_y, imag)
        return tf.matmul(rows_real, cos_x, transpose_b=True) - tf.matmul(rows_imag, sin_x, transpose_b=True)

    def best(self, surface, max_shift):
        """The highest correlation within `max_shift` pixels: shift (batch, 2) with a parabola's precision, and value (batch,)."""
        count = len(self.shifts)
        allowed = tf.where(self.distance <= max_shift, surface, -2.0)
        flat = tf.reshape(allowed, (-1, count * count))
        peak = tf.argmax(flat, axis=1, output_type=tf.int32)
        found = []
        for place, stride in ((peak % count, 1), (peak // count, count)):  # dx, then dy
            centre = peak + stride * (tf.clip_by_value(place, 1, count - 2) - place)
            around = [tf.gather(tf.reshape(surface, (-1, count * count)), centre + stride * d, batch_dims=1) for d in (-1, 0, 1)]
            offset = tf.where(centre == peak, parabola_peak(*around), 0.0) * self.spacing
            found.append(tf.gather(tf.constant(self.shifts), place) + offset)
        return tf.stack(found, -1), tf.reduce_max(flat, axis=1)

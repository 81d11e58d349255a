"""Continuous refinement of particles against an average: Lucas-Kanade in Fourier space, with CTF and noise spectrum.

A particle is its CTF times the turned and moved average plus noise of a known spectrum, so the step is Gauss-Newton on the
likelihood. The average is turned, not the particle: it is one picture for all, finely sampled once, and the particle's own
pixels are never interpolated. With Baker and Matthews' inverse compositional update the derivatives are the average's.
"""

import collections

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.spectra import spectral_plane
from udl_tf.alignment.gauss_newton import solve

Fit = collections.namedtuple("Fit", "angle shift amplitude detection uneven uneven_detection variance")

PAD = 2  # how finely the average's spectrum is sampled for interpolation
TURNS = 24  # over which an average is averaged once more, to know what of it is round
MAX_STEP = 2.0  # degrees and pixels that one step may go


class ReferenceRefinement:
    """Refines poses of particles against averages.

    Args:
        box: side of the images, pixels. highest: frequencies compared, cycles per box, at most (box - 1) / 2.
    """

    def __init__(self, box, highest):
        self.box, self.highest = box, int(min(highest, (box - 1) // 2))
        self.points = spectral_plane.disc(self.highest)  # (n, 2)
        radius = np.linalg.norm(self.points, axis=1)
        self.ring = np.minimum(np.rint(radius), self.highest).astype(np.int32)
        self.share = spectral_plane.multiplicity(self.points, self.highest)
        rows, columns = np.rint(self.points[:, 1]).astype(int) % box, np.rint(self.points[:, 0]).astype(int)
        self.index = (rows * (box // 2 + 1) + columns).astype(np.int32)  # places in the layout of rfft2d
        centre = (box - 1) / 2.0
        self.centring = np.exp(2j * np.pi / box * centre * self.points.sum(1)).astype(np.complex64)
        # Turned points reach half a ring beyond the highest, and their corners one cell more.
        edge = int(np.ceil((self.highest + 0.5) * PAD)) + 1
        self.width, self.height = edge + 1, 2 * edge + 1

    def sampled(self, spectra):
        """Values (batch, n) of transforms or CTFs in the layout of `tf.signal.rfft2d`, at the points compared."""
        return tf.gather(tf.reshape(spectra, (-1, self.box * (self.box // 2 + 1))), self.index, axis=1)

    def spectra(self, images):
        """Spectra complex64 (batch, n) of windowed images (batch, box, box), phases counted from the image centre."""
        return self.sampled(tf.signal.rfft2d(images)) * self.centring

    def table(self, averages):
        """What is looked up of averages (k, box, box), masked: (k, cells, 16), spectrum and angular derivative."""
        grid = geometry.centred_grid(self.box, self.box)  # (box, box, 2)
        # Interpolating between samples of the spectrum multiplies the image by sinc^2 of the place: taken back beforehand.
        fade = np.prod(np.square(np.sinc(grid / (PAD * self.box))), axis=-1)
        lever = -2j * np.pi / self.box * grid
        images = tf.cast(averages / fade.astype(np.float32), tf.complex64)[:, None]
        factors = np.stack([np.ones_like(lever[..., 0]), lever[..., 0], lever[..., 1]]).astype(np.complex64)
        value, *gradient = tf.unstack(self._fine_spectra(images * factors), axis=1)  # each (k, height, width)
        y, x = np.mgrid[: self.height, : self.width].astype(np.float32)
        x, y = x / PAD, (y - self.height // 2) / PAD
        radian = np.pi / 180.0
        turn = geometry.rotate_points(90.0, np.stack([x, y], -1))  # d/dangle of a turned point is the point a right angle ahead
        turn = tf.cast(turn * radian, tf.complex64)
        angular = gradient[0] * turn[..., 0] + gradient[1] * turn[..., 1]
        cells = tf.stack([tf.math.real(value), tf.math.imag(value), tf.math.real(angular), tf.math.imag(angular)], -1)
        cells = tf.reshape(cells, (-1, self.height * self.width, 4))
        steps = (0, 1, self.width, self.width + 1)
        return tf.concat([tf.roll(cells, -step, axis=1) for step in steps], -1)

    def step(self, table, round, spectra, ctf, power, own, angle, shift):
        """One Gauss-Newton step of poses, and how well the particles fit where they were.

        Args:
            table: (cells, 16). round: complex64 (n,), what of the average does not depend on the angle, see `round`.
            spectra: complex64 (batch, n).
            ctf: float32 (batch, n). power: (highest + 1,) of the noise in spectra, E|F|^2.
            own: (batch, highest + 1), how much of each particle's spectrum, times its CTF, stands in the average: what a particle
                has in common with itself says nothing of its fit, and does not change its pose either (the derivative of an image
                along a turn is at right angles to the image).
            angle (batch,) degrees, shift (batch, 2) pixels: bring the particles onto the average.

        Returns:
            `Fit`: the pose after the step; before it, (batch,) each: `amplitude`, grey values of the particle over those of the
            average; `detection`, the amplitude over its standard error; `uneven`, `uneven_detection`, both from what is not round
            in the average, which alone tells the angle; `variance` of the angle in square degrees by the Cramer-Rao bound at this
            amplitude.
        """
        return self.step_among(table, round, spectra, ctf, power, own, angle, shift, None)

    def step_among(self, table, round, spectra, ctf, power, own, angle, shift, first):
        """`step` where each particle has an average of its own among several.

        Args:
            table: (k * cells, 16), those of the averages one after the other. first: int32 (batch,), the first cell of each
                particle's. round: (batch, n).
        """
        place = tf.matmul(geometry.rotation_matrix(angle), self.points.T[None])  # (batch, 2, n)
        average, angular = self._looked_up(table, place, first)
        phase = tf.einsum("bxn,bx->bn", place, shift) * np.float32(-2.0 * np.pi / self.box)
        particle = spectra * tf.complex(tf.cos(phase), tf.sin(phase))
        weight = self.share / tf.gather(power, self.ring)  # (n,)
        value, turn = average * tf.cast(ctf, tf.complex64), angular * tf.cast(ctf, tf.complex64)
        rate = place * np.float32(2.0 * np.pi / self.box)
        moves = tf.complex(-tf.math.imag(value), tf.math.real(value))[:, None] * tf.cast(rate, tf.complex64)
        slopes = tf.concat([turn[:, None], moves], 1)  # (batch, 3, n): per degree, per pixel in x and y
        norm = tf.reduce_sum(weight * _product(value, value), 1) + 1e-20
        share = tf.gather(own, self.ring, axis=1) * tf.square(ctf)
        match = tf.reduce_sum(weight * (_product(value, particle) - share * _product(particle, particle)), 1)
        amplitude = match / norm
        even = round * tf.cast(ctf, tf.complex64)
        uneven, left = value - even, particle - tf.cast(amplitude[:, None], tf.complex64) * even
        uneven_norm = tf.reduce_sum(weight * _product(uneven, uneven), 1) + 1e-20
        uneven_match = tf.reduce_sum(weight * (_product(uneven, left) - share * _product(left, left)), 1)
        believed = tf.maximum(amplitude, 0.1)
        flat = tf.concat([tf.math.real(slopes), tf.math.imag(slopes)], 2)
        weighted = flat * tf.concat([weight, weight], 0)
        matrix = tf.matmul(weighted, flat, transpose_b=True)
        rest = particle - tf.cast(amplitude[:, None], tf.complex64) * value
        right = tf.linalg.matvec(weighted, tf.concat([tf.math.real(rest), tf.math.imag(rest)], 1))
        move = solve(matrix, right) / believed[:, None]
        move = tf.clip_by_value(move, -MAX_STEP, MAX_STEP)
        variance = solve(matrix, tf.one_hot(tf.zeros_like(angle, tf.int32), 3))[:, 0] / tf.square(believed)
        angle, shift = geometry.compose((angle, shift), (move[:, 0], move[:, 1:]))
        seen = amplitude, match / tf.sqrt(norm), uneven_match / uneven_norm, uneven_match / tf.sqrt(uneven_norm)
        return Fit(angle, shift, *seen, variance)

    def round(self, table):
        """What of an average does not depend on the angle: spectrum complex64 (n,) of its mean over all turns."""
        angles = tf.constant(geometry.polar_angles(TURNS), tf.float32)
        average, _ = self._looked_up(table, tf.matmul(geometry.rotation_matrix(angles), self.points.T[None]))
        return tf.reduce_mean(average, 0)

    def _looked_up(self, table, place, first=None):
        """Spectrum and angular derivative, complex (batch, n) each, of the averages at places (batch, 2, n), bilinear."""
        mirrored = place[:, 0] < 0.0  # the other half of the plane is the conjugate
        sign = tf.where(mirrored, -1.0, 1.0)
        x, y = place[:, 0] * sign * PAD, place[:, 1] * sign * PAD + self.height // 2
        left, top = tf.floor(x), tf.floor(y)
        across, down = x - left, y - top
        index = tf.cast(top * self.width + left, tf.int32)
        if first is not None:
            index += first[:, None]
        shape = tf.shape(index)
        corners = tf.reshape(tf.gather(table, index), (shape[0], shape[1], 4, 4))  # (batch, n, corner, part)
        weights = tf.stack([(1 - across) * (1 - down), across * (1 - down), (1 - across) * down, across * down], -1)
        found = tf.reduce_sum(corners * weights[..., None], 2)
        return tuple(tf.complex(found[..., i], found[..., i + 1] * sign) for i in (0, 2))

    def _fine_spectra(self, images):
        """Spectra (..., height, width) of complex images (..., box, box) in steps of 1 / PAD, row 0 in the middle."""
        waves = np.arange(self.width) / (PAD * self.box), (np.arange(self.height) - self.height // 2) / (PAD * self.box)
        places = np.arange(self.box) - (self.box - 1) / 2.0
        across, down = (np.exp(-2j * np.pi * wave[:, None] * places).astype(np.complex64) for wave in waves)
        return tf.matmul(tf.matmul(down, images), across, transpose_b=True)


def _product(first, second):
    """Real part of first times the conjugate of second."""
    return tf.math.real(first) * tf.math.real(second) + tf.math.imag(first) * tf.math.imag(second)

"""The polar grid of frequencies: rings of 1, 2, 3, ... cycles per box, sampled at evenly spaced angles.

On it a turn of an image is a cyclic shift over the angle, a move is a phase, and a CTF without astigmatism one number a ring.
Turns and moves are RELION's here: aligned(x) = image at R(psi)(x + offset) about pixel box // 2 (see `pipelines.geometry`).
"""

import functools

import numpy as np

EDGE = 3.0  # pixels over which the window fades


class PolarGrid:
    """Samples of the Fourier transform of windowed images (n, box, box).

    The transform of a real image at a frequency is the conjugate of that at the opposite one: half the angles are kept.

    Args:
        box: side of the images, pixels. rings: largest number of cycles per box. angles: on a whole circle, even.
        radius: of the window, pixels.
    """

    def __init__(self, box, rings, angles, radius):
        self.box, self.rings, self.angles, self.radius = box, rings, angles, radius
        self.half = angles // 2
        y, x = np.mgrid[:box, :box].astype(np.float32) - box // 2
        self._window = np.clip((radius - np.hypot(x, y)) / EDGE + 0.5, 0, 1)
        self._x, self._y = x, y
        theta = np.arange(angles) * (2 * np.pi / angles)
        ring = np.arange(1, rings + 1)[:, None] / box
        self.frequency = np.stack([ring * np.cos(theta), ring * np.sin(theta)]).astype(np.float32)  # (2, rings, angles)
        # How many independent numbers a ring holds: its length times the share of the box that is looked at.
        self.freedom = (2 * np.pi * np.arange(1, rings + 1) * np.square(self._window).mean()).astype(np.float32)

    @functools.cached_property
    def matrix(self):
        """(box * box, 2 * rings * half): windowed pixels to real parts, then imaginary parts."""
        kx, ky = self.frequency[:, :, : self.half].reshape(2, -1)
        phase = (-2 * np.pi * (self._x.ravel()[:, None] * kx + self._y.ravel()[:, None] * ky)).astype(np.float32)
        return np.concatenate([np.cos(phase), np.sin(phase)], 1) * self._window.ravel()[:, None].astype(np.float32)

    def sample(self, images):
        """Images (n, box, box) -> complex64 (n, rings, half)."""
        parts = images.reshape(len(images), -1).astype(np.float32) @ self.matrix
        size = self.rings * self.half
        return (parts[:, :size] + 1j * parts[:, size:]).reshape(-1, self.rings, self.half)

    def phase(self, offset, angles=None):
        """Factors that move images by offset (n, 2) pixels: complex64 (n, rings, angles or all of them)."""
        turns = np.tensordot(np.asarray(offset, np.float32), self.frequency[:, :, :angles], 1)
        return np.exp(np.complex64(-2j * np.pi) * turns)

    def whole(self, half):
        """Half circles (..., half) -> whole ones (..., angles)."""
        return np.concatenate([half, half.conj()], -1)

    def harmonics(self, circle, most):
        """Whole circles (..., rings, angles) -> Fourier coefficients over the angle (m = 0 .. most, ..., rings), complex64."""
        return np.ascontiguousarray(np.moveaxis(np.fft.fft(circle, axis=-1)[..., : most + 1], -1, 0), np.complex64)

    def circle(self, harmonics):
        """Coefficients (m = 0 .. most, ..., rings) -> whole circles (..., rings, angles): the inverse of `harmonics`."""
        full = np.zeros((*harmonics.shape[1:], self.angles), np.complex64)
        m = np.arange(1, min(len(harmonics), self.half))
        full[..., : len(harmonics)] = np.moveaxis(harmonics, 0, -1)
        # The opposite frequency is the conjugate: coefficients of negative order follow from those of positive order.
        full[..., -m] = np.moveaxis(harmonics[m], 0, -1).conj() * (-1.0) ** m
        return np.fft.ifft(full, axis=-1).astype(np.complex64)


def disc_of_shifts(reach, step):
    """Shifts (s, 2) pixels on a square grid, within `reach` of zero."""
    line = np.arange(-np.floor(reach / step), np.floor(reach / step) + 1) * step
    shifts = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    return shifts[np.hypot(*shifts.T) <= reach + 1e-6].astype(np.float32)


def into_image(shift, psi):
    """Shifts (n, 2) in the frame of the average -> in the frame of the image turned by psi (n,) degrees: R(psi)^T s."""
    c, s = np.cos(np.radians(psi)), np.sin(np.radians(psi))
    return np.stack([c * shift[:, 0] + s * shift[:, 1], -s * shift[:, 0] + c * shift[:, 1]], 1).astype(np.float32)

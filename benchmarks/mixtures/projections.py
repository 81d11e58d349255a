"""Projections of density maps by central slices of their Fourier transforms, and the placing of a projection in a box."""

import mrcfile
import numpy as np
from scipy.ndimage import map_coordinates, spline_filter

PAD = 2  # times the box: how finely the transform of a map is sampled


class Volume:
    """A density map (n, n, n), axes z, y, x, origin voxel n // 2, in Fourier space."""

    def __init__(self, path):
        density = mrcfile.read(path).astype(np.float32)
        self.box = len(density)
        width = self.box // 2 * (PAD - 1)
        spectrum = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(np.pad(density, width))))
        self._parts = [spline_filter(part.astype(np.float32), 3, np.float32) for part in (spectrum.real, spectrum.imag)]

    def project(self, rotation):
        """Projection (n, n) along z of the map turned by a rotation matrix (3, 3)."""
        n = self.box * PAD
        y, x = np.mgrid[:n, :n] - n // 2
        plane = np.stack([x, y, 0 * x], -1).reshape(-1, 3) @ rotation  # R^T k
        places = plane[:, ::-1].T + n // 2
        real, imaginary = (map_coordinates(part, places, order=3, prefilter=False, mode="constant") for part in self._parts)
        spectrum = np.where(np.hypot(x, y) < self.box, (real + 1j * imaginary).reshape(n, n), 0.0)
        image = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(spectrum)).real)
        cut = slice(self.box // 2 * (PAD - 1), self.box // 2 * (PAD - 1) + self.box)
        return image[cut, cut].astype(np.float32)


def finer(view):
    """A view (n, n) on a twice finer grid, as the coefficients of cubic splines: what `placed` takes."""
    n = len(view)
    spectrum = np.pad(np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(view))), n // 2)
    return spline_filter(np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(spectrum)).real * 4), 3).astype(np.float32)


def placed(view, psi, offset, box):
    """``view(R(psi)(x + offset))`` in a box, R = [[c, -s], [s, c]], x right, y down, origin pixel box // 2: (box, box).

    Args:
        view: as from `finer`, (2 n, 2 n). psi: degrees. offset: (2,) pixels.
    """
    y, x = np.mgrid[:box, :box].astype(np.float32) - box // 2
    x, y, c, s = x + offset[0], y + offset[1], np.cos(np.radians(psi)), np.sin(np.radians(psi))
    middle = len(view) // 2
    return map_coordinates(view, [2 * (s * x + c * y) + middle, 2 * (c * x - s * y) + middle], order=3, prefilter=False)

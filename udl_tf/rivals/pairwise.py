"""What rivals need that align one pair after another: the loop over pairs, and who agrees best.

Matrices are those of `pipelines.geometry.pixel_matrix`: (2, 3), from pixels of the fixed image to pixels of the moving one.
"""

import cv2
import numpy as np

from pipelines.geometry import pixel_matrix, wrap_degrees
from pipelines.geometry.transforms import Rigid


def each(align_pair, fixed, moving):
    """Align pairs one by one: ``align_pair(fixed, moving)`` gives a matrix (2, 3), or None where it gives up.

    Returns:
        `Rigid`, its angles in [-180, 180); a pair that it gives up on has angle 0 and shift 0.
    """
    found = [align_pair(*pair) for pair in zip(fixed, moving, strict=True)]
    failed = [matrix is None or not np.isfinite(matrix).all() for matrix in found]
    rigid = [
        (0.0, np.zeros(2)) if fail else pixel_matrix.to_rigid(matrix, moving.shape[1])
        for matrix, fail in zip(found, failed, strict=True)
    ]
    return Rigid(wrap_degrees(np.array([angle for angle, _ in rigid])), np.array([shift for _, shift in rigid]))


def warped(moving, matrix, interpolation=cv2.INTER_CUBIC):
    """The moving image (side, side) as the fixed one would show it, 0 outside, and where there is something: bool."""
    flags, size = interpolation | cv2.WARP_INVERSE_MAP, moving.shape[::-1]
    there = cv2.warpAffine(np.ones_like(moving), matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return cv2.warpAffine(moving, matrix, size, flags=flags), there > 0.99


def agreement(fixed, moving, matrix):
    """Correlation coefficient of an aligned pair over the overlap of the two frames; -1 where less than a quarter overlaps."""
    turned, there = warped(moving, matrix)
    if there.mean() < 0.25:
        return -1.0
    a, b = fixed[there] - fixed[there].mean(), turned[there] - turned[there].mean()
    return float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-12))


def best(fixed, moving, matrices):
    """The matrix of the highest `agreement`."""
    return max(matrices, key=lambda matrix: agreement(fixed, moving, matrix))


def best_shift(fixed, turned, limit):
    """The whole-pixel shift (2,), each way at most `limit`, that brings an image onto another, and its correlation."""
    surface = np.fft.irfft2(np.fft.rfft2(fixed) * np.conj(np.fft.rfft2(turned)), fixed.shape)
    lag = np.arange(-limit, limit + 1)
    surface = surface[np.ix_(lag, lag)]
    row, column = np.unravel_index(surface.argmax(), surface.shape)
    return np.array([lag[column], lag[row]], np.float64), surface[row, column]

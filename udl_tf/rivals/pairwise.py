"""What all rivals need: a loop over pairs, our convention to and from matrices of pixels, and who agrees best.

Registration libraries speak of the map from a pixel (x, y) of the fixed image to one of the moving image, counted from
the top left: ``p_moving = A p_fixed + b``, here a matrix (2, 3) of A beside b.
"""

import cv2
import numpy as np

from pipelines.geometry import wrap_degrees


def each(align_pair, fixed, moving):
    """Align pairs one by one: ``align_pair(fixed, moving)`` gives a matrix (2, 3), or None where it gives up.

    Returns:
        angle (n,) degrees in [-180, 180) and shift (n, 2) pixels.
    """
    found = [align_pair(*pair) for pair in zip(fixed, moving, strict=True)]
    failed = [matrix is None or not np.isfinite(matrix).all() for matrix in found]
    rigid = [
        (0.0, np.zeros(2)) if fail else rigid_of(matrix, moving.shape[1]) for matrix, fail in zip(found, failed, strict=True)
    ]
    return wrap_degrees(np.array([angle for angle, _ in rigid])), np.array([shift for _, shift in rigid])


def matrix_of(angle, shift, side):
    """The matrix (2, 3) of our angle (degrees) and shift (2,), as `geometry.sampling_transform`."""
    back = _turn(-angle)
    centre = np.full(2, (side - 1) / 2.0)
    return np.column_stack([back, centre - back @ (centre + shift)])


def rigid_of(matrix, side):
    """Our angle (degrees) and shift (2,) of a matrix (2, 3): the inverse of `matrix_of`. A change of scale is ignored."""
    matrix = np.asarray(matrix, np.float64)
    linear, centre = matrix[:2, :2], np.full(2, (side - 1) / 2.0)
    angle = np.degrees(np.arctan2(linear[1, 0] - linear[0, 1], linear[0, 0] + linear[1, 1]))
    return angle, -_turn(angle) @ (linear @ centre + matrix[:2, 2] - centre)


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


def _turn(angle):
    """`geometry.rotation_matrix` in NumPy: thousands of single calls to TensorFlow would count as the rival's time."""
    radians = np.deg2rad(float(angle))
    cos, sin = np.cos(radians), np.sin(radians)
    return np.array([[cos, sin], [-sin, cos]])

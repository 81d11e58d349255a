"""Rigid transforms as the matrices of registration libraries: one at a time, in float64 NumPy.

Such libraries speak of the map from a pixel (x, y) of the fixed image to one of the moving image, counted from the top left:
``p_moving = A p_fixed + b``, here a matrix (2, 3) of A beside b. It is what `conventions.sampling_transform` gives the kernel,
in NumPy: thousands of single calls to TensorFlow would count as their time.
"""

import numpy as np


def from_rigid(angle: float, shift: np.ndarray, side: int) -> np.ndarray:
    """The matrix (2, 3) of an angle (degrees) and a shift (2,) of square images of `side` pixels."""
    back = turn(-angle)
    centre = np.full(2, (side - 1) / 2.0)
    return np.column_stack([back, centre - back @ (centre + shift)])


def to_rigid(matrix: np.ndarray, side: int) -> tuple[float, np.ndarray]:
    """The angle (degrees) and shift (2,) of a matrix (2, 3): the inverse of `from_rigid`. A change of scale is ignored."""
    matrix = np.asarray(matrix, np.float64)
    linear, centre = matrix[:2, :2], np.full(2, (side - 1) / 2.0)
    angle = np.degrees(np.arctan2(linear[1, 0] - linear[0, 1], linear[0, 0] + linear[1, 1]))
    return angle, -turn(angle) @ (linear @ centre + matrix[:2, 2] - centre)


def turn(angle: float) -> np.ndarray:
    """`conventions.rotation_matrix` of one angle (degrees), (2, 2)."""
    radians = np.deg2rad(float(angle))
    cos, sin = np.cos(radians), np.sin(radians)
    return np.array([[cos, sin], [-sin, cos]])

"""Rigid transforms between frames of any two sizes, in float64 NumPy: thousands of pixels away a thousandth of one still counts.

The convention is `conventions`': turn the moving image by `angle` about its own centre, put its centre on the fixed frame's, then
shift it. Sizes are (height, width). Angles (n,) are degrees, shifts (n, 2) pixels. The maps of pixels, counted from the centre
of the first one, are those of `pixel_matrix`: (n, 3, 3) on (x, y, 1), from the fixed frame to the moving one.
"""

import numpy as np

from pipelines.geometry.conventions import wrap_degrees


def rotations(angle: np.ndarray) -> np.ndarray:
    """`conventions.rotation_matrix` of angles (n,): (n, 2, 2)."""
    radians = np.deg2rad(np.asarray(angle, np.float64))
    cos, sin = np.cos(radians), np.sin(radians)
    return np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], -2)


def turned(angle: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (n, 2) turned by angles (n,) about the origin."""
    return np.einsum("...ij,...j->...i", rotations(angle), np.asarray(points, np.float64))


def compose(first: tuple, second: tuple) -> tuple[np.ndarray, np.ndarray]:
    """The transform ``second after first``; each is (angle, shift), and so is the result."""
    (a1, s1), (a2, s2) = first, second
    return wrap_degrees(np.asarray(a1, np.float64) + a2), turned(a2, s1) + s2


def inverse(angle: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The transform that undoes (angle, shift)."""
    return wrap_degrees(-np.asarray(angle, np.float64)), -turned(-np.asarray(angle, np.float64), shift)


def centre(size: tuple[int, int]) -> np.ndarray:
    """The centre (x, y) of a frame, from the centre of its first pixel."""
    return (np.array(size[::-1], np.float64) - 1.0) / 2.0


def pixel_maps(angle: np.ndarray, shift: np.ndarray, fixed: tuple[int, int], moving: tuple[int, int]) -> np.ndarray:
    """Maps (n, 3, 3) from pixels of the fixed frame to the pixels of the moving one that lie there."""
    back = rotations(-np.atleast_1d(np.asarray(angle, np.float64)))
    maps = np.zeros((len(back), 3, 3))
    maps[:, :2, :2], maps[:, 2, 2] = back, 1.0
    maps[:, :2, 2] = centre(moving) - np.einsum("nij,nj->ni", back, centre(fixed) + np.atleast_2d(shift))
    return maps


def from_pixel_maps(maps: np.ndarray, fixed: tuple[int, int], moving: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(angle, shift) of maps (n, 3, 3) or (n, 2, 3): the inverse of `pixel_maps`. A change of scale is ignored."""
    linear, place = maps[:, :2, :2], maps[:, :2, 2]
    angle = np.degrees(np.arctan2(linear[:, 1, 0] - linear[:, 0, 1], linear[:, 0, 0] + linear[:, 1, 1]))
    away = place - centre(moving) + np.einsum("nij,j->ni", linear, centre(fixed))
    return wrap_degrees(angle), -turned(angle, away)


def moved_centres(angle: np.ndarray, shift: np.ndarray, fixed: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """The shift (n, 2) about the frames' centres of transforms whose shift is about other points.

    Args:
        fixed, moving: those points, (2,) or (n, 2) from each frame's centre.
    """
    return np.asarray(shift, np.float64) + fixed - turned(angle, np.broadcast_to(moving, np.shape(shift)))


def error(angle: np.ndarray, shift: np.ndarray, truth: tuple, size: tuple[int, int]) -> np.ndarray:
    """Root mean square distance (n,) in pixels of two transforms over a fixed frame of `size`."""
    (height, width), (true_angle, true_shift) = size, truth
    back, shift = inverse(angle, shift)
    true_back, true_shift = inverse(true_angle, true_shift)
    linear = rotations(back) - rotations(true_back)
    spread = np.array([width**2 - 1, height**2 - 1]) / 12.0
    return np.sqrt(np.square(shift - true_shift).sum(-1) + (np.square(linear) * spread).sum((-2, -1)))

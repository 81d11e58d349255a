"""Every convention of direction, centre, axis order and unit. Other modules call it and never turn an angle themselves.

Images are ``(batch, height, width)``, row 0 at the top. Points are ``(x, y)`` in pixels, x to the right, y down, measured
from the centre ``((w - 1) / 2, (h - 1) / 2)``. A rigid transform ``(angle, shift)`` turns the image content by `angle`
degrees counter-clockwise as displayed, then moves it by ``shift = (dx, dy)`` pixels::

    p' = R(angle) p + shift        R(angle) = [[ cos  sin]
                                               [-sin  cos]]

so that the point on the right, (1, 0), goes to the top, (0, -1), when turned by 90 degrees. The result of aligning a pair
``(fixed, moving)`` is the transform that brings `moving` onto `fixed`.
"""

import numpy as np
import tensorflow as tf

ArrayOrTensor = float | np.ndarray | tf.Tensor
Pose = tuple[ArrayOrTensor, ArrayOrTensor]  # angle (...,) degrees, shift (..., 2) pixels


def wrap_degrees(angle: ArrayOrTensor, period: float = 360.0) -> ArrayOrTensor:
    """Bring angles into [-period/2, period/2). Works on NumPy arrays and tensors alike."""
    half = period / 2.0
    return (angle + half) % period % period - half  # twice: rounding may lift a tiny negative number to the period itself


def angular_distance(a: ArrayOrTensor, b: ArrayOrTensor, period: float = 360.0) -> ArrayOrTensor:
    """Smallest absolute difference of two angles (degrees) on a circle of `period` degrees."""
    return abs(wrap_degrees(a - b, period))


def direction_of(angle: tf.Tensor, period: float) -> tf.Tensor:
    """(batch,) degrees -> (batch, 2): (cos, sin) of ``360 / period`` times the angle."""
    radians = angle * (2.0 * np.pi / period)
    return tf.stack([tf.cos(radians), tf.sin(radians)], axis=-1)


def angle_of(direction: tf.Tensor, period: float) -> tf.Tensor:
    """(batch, 2) -> (batch,) degrees in [-period/2, period/2]: the inverse of `direction_of`."""
    return tf.atan2(direction[..., 1], direction[..., 0]) * (period / (2.0 * np.pi))


def turn_direction(direction: tf.Tensor, turn: tf.Tensor, period: float) -> tf.Tensor:
    """Directions (batch, 2) of angles that are `turn` (batch,) degrees larger."""
    cos, sin = tf.unstack(direction_of(turn, period), axis=-1)
    x, y = tf.unstack(direction, axis=-1)
    return tf.stack([cos * x - sin * y, sin * x + cos * y], axis=-1)


def rotation_matrix(angle: ArrayOrTensor) -> tf.Tensor:
    """Matrix that turns points counter-clockwise as displayed. angle: (...,) degrees -> (..., 2, 2)."""
    radians = tf.convert_to_tensor(angle, tf.float32) * (np.pi / 180.0)
    cos, sin = tf.cos(radians), tf.sin(radians)
    return tf.stack([tf.stack([cos, sin], -1), tf.stack([-sin, cos], -1)], -2)


def rotate_points(angle: ArrayOrTensor, points: ArrayOrTensor) -> tf.Tensor:
    """Turn points (..., 2) by angles (...,) degrees about the origin."""
    radians = tf.convert_to_tensor(angle, tf.float32) * (np.pi / 180.0)
    cos, sin = tf.cos(radians), tf.sin(radians)
    x, y = tf.unstack(tf.convert_to_tensor(points, tf.float32), axis=-1)
    return tf.stack([cos * x + sin * y, cos * y - sin * x], -1)


def compose(first: Pose, second: Pose) -> Pose:
    """The rigid transform ``second after first``. Each is (angle (...,), shift (..., 2)); so is the result."""
    (a1, s1), (a2, s2) = first, second
    return wrap_degrees(a1 + a2), rotate_points(a2, s1) + s2


def inverse(angle: ArrayOrTensor, shift: ArrayOrTensor) -> Pose:
    """The rigid transform that undoes (angle, shift)."""
    return wrap_degrees(-angle), -rotate_points(-angle, shift)


def disturbed_truth(truth: Pose, fixed_disturbance: Pose, moving_disturbance: Pose) -> Pose:
    """Transform of a disturbed pair: ``D_fixed T D_moving^-1`` (paper eq. 6-7 in our convention).

    Its angle is ``angle + angle_fixed - angle_moving``: the sign every UDL loss relies on.
    """
    return compose(compose(inverse(*moving_disturbance), truth), fixed_disturbance)


def sampling_transform(angle: ArrayOrTensor, shift: ArrayOrTensor, height: int, width: int) -> tf.Tensor:
    """The kernel's output-to-input map (batch, 8) that warps an image by (angle (batch,), shift (batch, 2))."""
    centre = tf.stack([tf.cast(width, tf.float32) - 1.0, tf.cast(height, tf.float32) - 1.0]) / 2.0
    back = rotation_matrix(-angle)  # (batch, 2, 2)
    offset = centre - tf.linalg.matvec(back, centre + shift)  # p_in = back (p_out - centre - shift) + centre
    rows = tf.concat([back, offset[:, :, None]], axis=2)  # (batch, 2, 3)
    return tf.concat([tf.reshape(rows, (-1, 6)), tf.zeros_like(offset)], axis=1)


def polar_angles(count: int, period: float = 360.0) -> np.ndarray:
    """Angles of a polar grid, (count,) degrees in [0, period): turning an image by +t shifts its polar samples by +t."""
    return np.arange(count, dtype=np.float64) * (period / count)


def polar_points(angles: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Points (x, y) of a polar grid, (angles, radii, 2): the direction `angle` counter-clockwise from +x as displayed."""
    radians = np.deg2rad(np.asarray(angles, np.float64))[:, None]
    radii = np.asarray(radii, np.float64)[None, :]
    return np.stack([radii * np.cos(radians), -radii * np.sin(radians)], -1)


def centred_grid(height: int, width: int) -> np.ndarray:
    """Coordinates (height, width, 2) of every pixel, (x, y) from the image centre, float32."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([x - (width - 1) / 2.0, y - (height - 1) / 2.0], -1)


def halves_of_side(size: int) -> np.ndarray:
    """Coordinates of the pixels along an axis, from the image centre, in halves of the side: float32 (size,) within (-1, 1)."""
    return centred_grid(1, size)[0, :, 0] / (size / 2.0)


def relion_from_rigid(angle: np.ndarray, shift: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """RELION's psi (degrees) and origin offset (pixels) of our (angle, shift), for square images of `size` pixels.

    RELION: ``aligned = Q(psi)(x + offset)`` about pixel int(N/2), ``Q = [[c, -s], [s, c]]``, x right, y down; positive psi
    looks clockwise, so psi = -angle and Q(psi) = R(angle). Our centre (N - 1)/2 differs by `d` pixels:
    ``t' = t - (I - R) d``, ``offset = R(-angle) t'``.

    Args:
        angle: (n,) degrees. shift: (n, 2) pixels. Multiply the offset by the pixel size for rlnOriginX/YAngst.
    """
    angle, shift = np.asarray(angle, np.float64), np.asarray(shift, np.float64)
    d = np.full(2, size // 2 - (size - 1) / 2.0)
    moved = shift - d + _turn(angle, np.broadcast_to(d, shift.shape))
    return wrap_degrees(-angle), _turn(-angle, moved)


def rigid_from_relion(psi: np.ndarray, offset: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Our (angle, shift) of RELION's psi (degrees) and origin offset (pixels): the inverse of `relion_from_rigid`."""
    psi, offset = np.asarray(psi, np.float64), np.asarray(offset, np.float64)
    d = np.full(2, size // 2 - (size - 1) / 2.0)
    angle = -psi
    return wrap_degrees(angle), _turn(angle, offset) + d - _turn(angle, np.broadcast_to(d, offset.shape))


def _turn(angle, points):
    """`rotate_points` in float64 NumPy, for files."""
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    x, y = points[..., 0], points[..., 1]
    return np.stack([cos * x + sin * y, -sin * x + cos * y], -1)

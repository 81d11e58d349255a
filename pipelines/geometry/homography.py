"""Plane homographies: from four points and back, between images, and how far apart two of them are.

A homography is float32 (batch, 3, 3), its last element 1, on points (x, y) in pixels from the image's centre as in
`pipelines.geometry`: one that brings moving onto fixed takes a point of the moving image to its place in the fixed one.
"""

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.geometry.conventions import ArrayOrTensor


def corners(height: int, width: int) -> tf.Tensor:
    """The centres of the corner pixels (4, 2): top left, top right, bottom right, bottom left."""
    x, y = (width - 1) / 2.0, (height - 1) / 2.0
    return tf.constant([[-x, -y], [x, -y], [x, y], [-x, y]], tf.float32)


def from_points(source: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """The homography that takes four points to four others: the direct linear transform (Nguyen et al., Tensor DLT).

    Differentiable. Points are scaled by their size before, so that the 8 x 8 system is well conditioned.

    Args:
        source, target: float32 (batch, 4, 2), no three of the points on a line.

    Returns:
        (batch, 3, 3).
    """
    scale = tf.reduce_max(tf.abs(tf.concat([source, target], 1)), axis=(1, 2)) + 1e-6  # (batch,)
    (x, y), (u, v) = (tf.unstack(points / scale[:, None, None], axis=-1) for points in (source, target))  # (batch, 4)
    one, zero = tf.ones_like(x), tf.zeros_like(x)
    # u (g x + h y + 1) = a x + b y + c and v (g x + h y + 1) = d x + e y + f
    upper = tf.stack([x, y, one, zero, zero, zero, -u * x, -u * y], -1)
    lower = tf.stack([zero, zero, zero, x, y, one, -v * x, -v * y], -1)
    system = tf.concat([upper, lower], 1)  # (batch, 8, 8)
    found = tf.linalg.solve(system, tf.concat([u, v], 1)[..., None])[..., 0]
    matrix = tf.reshape(tf.concat([found, tf.ones_like(found[:, :1])], 1), (-1, 3, 3))
    zoom = tf.stack([scale, scale, tf.ones_like(scale)], -1)
    return matrix * zoom[:, :, None] / zoom[:, None, :]


def from_corner_moves(side: int, moves: tf.Tensor) -> tf.Tensor:
    """The homography that moves the centres of a square's corner pixels.

    In closed form, by way of the unit square (Heckbert, "Fundamentals of Texture Mapping", 1989), in float64.

    Args:
        side: in pixels. moves: (batch, 4, 2) pixels (dx, dy) of the top left, top right, bottom right and bottom left one.

    Returns:
        float32 (batch, 3, 3).
    """
    grid = geometry.centred_grid(side, side).astype(np.float64)
    places = grid[[0, 0, -1, -1], [0, -1, -1, 0]] + tf.cast(moves, tf.float64)  # (batch, 4, 2)
    p0, p1, p2, p3 = tf.unstack(places, axis=1)
    # The unit square's (u, v) goes to (p0 + u a + v b) / (1 + g u + h v); its corner (1, 1), going to p2, gives g and h.
    d1, d2, rest = p1 - p2, p3 - p2, p0 - p1 + p2 - p3
    below = _cross(d1, d2)
    g, h = _cross(rest, d2) / below, _cross(d1, rest) / below
    a, b = p1 - p0 + g[:, None] * p1, p3 - p0 + h[:, None] * p3
    upper = tf.stack([a, b, p0], -1)  # (batch, 2, 3)
    lower = tf.stack([g, h, tf.ones_like(g)], -1)
    square = tf.concat([upper, lower[:, None]], 1)
    zoom = 1 / (side - 1.0)
    found = square @ tf.constant([[zoom, 0.0, 0.5], [0.0, zoom, 0.5], [0.0, 0.0, 1.0]], tf.float64)
    return tf.cast(found / found[:, 2:, 2:], tf.float32)


def from_rigid(angle: ArrayOrTensor, shift: ArrayOrTensor) -> tf.Tensor:
    """Of rigid transforms, angle (batch,) degrees and shift (batch, 2) pixels."""
    upper = tf.concat([geometry.rotation_matrix(angle), tf.convert_to_tensor(shift, tf.float32)[:, :, None]], 2)
    last = tf.tile(tf.constant([[[0.0, 0.0, 1.0]]]), (tf.shape(upper)[0], 1, 1))
    return tf.concat([upper, last], 1)


def to_rigid(matrix: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """(angle (batch,) degrees, shift (batch, 2)) of the rigid transform nearest to a homography at the centre."""
    a, b, c, d = matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 1, 0], matrix[:, 1, 1]
    direction = tf.stack([a + d, b - c], -1)  # of R = [[cos, sin], [-sin, cos]], the least-squares rotation
    return geometry.angle_of(direction, 360.0), matrix[:, :2, 2]


def apply(matrix: tf.Tensor, points: tf.Tensor) -> tf.Tensor:
    """Points (batch, n, 2) taken to their places, (batch, n, 2)."""
    upper = tf.matmul(points, matrix[:, :2, :2], transpose_b=True) + matrix[:, None, :2, 2]
    lower = tf.linalg.matvec(points, matrix[:, 2, :2]) + matrix[:, 2, 2, None]
    return upper / lower[..., None]


def inverse(matrix: ArrayOrTensor) -> tf.Tensor:
    """The homography that undoes another."""
    found = tf.linalg.inv(matrix)
    return found / found[:, 2:, 2:]


def sampling_transform(matrix: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """The kernel's output-to-input map (batch, 8), in pixels from the first one, that samples images at ``matrix q``.

    Args:
        matrix: homographies (batch, 3, 3); to bring images to where a homography takes them, its inverse.
    """
    x, y = (width - 1) / 2.0, (height - 1) / 2.0
    there = tf.constant([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])
    back = tf.constant([[1.0, 0.0, -x], [0.0, 1.0, -y], [0.0, 0.0, 1.0]])
    pixels = tf.matmul(tf.matmul(there, matrix), back)
    return tf.reshape(pixels / pixels[:, 2:, 2:], (-1, 9))[:, :8]


def corner_error(found: ArrayOrTensor, true: ArrayOrTensor, height: int, width: int) -> tf.Tensor:
    """Mean distance of where two homographies take the corners of an image, (batch,) pixels."""
    points = tf.tile(corners(height, width)[None], (tf.shape(found)[0], 1, 1))
    return tf.reduce_mean(tf.norm(apply(found, points) - apply(true, points), axis=-1), axis=-1)


def _cross(a, b):
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]

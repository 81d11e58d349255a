"""Thin-plate splines (Duchon 1977, Bookstein 1989): of all maps through some places the one that bends least, batched.

``f(p) = a + B p + sum_i w_i U(|p - c_i|)``, ``U(r) = r^2 log r``, the w orthogonal to every affine map. Its bending energy, the
integral of ``f_xx^2 + 2 f_xy^2 + f_yy^2`` over the plane, is ``8 pi w' K w``, with ``K_ij = U(|c_i - c_j|)``.
"""

import collections
import math

import tensorflow as tf

SLACK = 1e-12  # of the system's diagonal: places on one line, or twice the same one, still have an answer

ThinPlate = collections.namedtuple("ThinPlate", "middle size control weights affine")
ThinPlate.__doc__ = """Splines of a batch, float64.

`middle`: (batch, 1, 2), and `size`: (batch, 1, 1), pixels: of the unit that the rest is in. `control`: (batch, m, 2), places.
`weights`: (batch, m, values), of each place's U. `affine`: (batch, 3, values), of 1, x and y.
"""


def fitted(control: tf.Tensor, values: tf.Tensor, there: tf.Tensor | None = None, smoothing: float = 0.0) -> ThinPlate:
    """The splines that have some values at some places.

    Args:
        control: (batch, m, 2), places, pixels (x, y). values: (batch, m, values). there: bool (batch, m), which of them count,
            by default all. Where fewer than three do, or they lie on one line, the answer is one of many.
        smoothing: the least of ``sum |f(c_i) - v_i|^2 + smoothing w' K w`` is taken, pixels^2; 0 goes through all values.
    """
    control, values = tf.cast(control, tf.float64), tf.cast(values, tf.float64)
    there = tf.ones(tf.shape(control)[:2], tf.float64) if there is None else tf.cast(there, tf.float64)
    # Its places have the middle 0, and the furthest one is 1 away: the system is well conditioned.
    count = tf.reduce_sum(there, 1)[:, None, None]
    middle = tf.math.divide_no_nan(tf.reduce_sum(there[..., None] * control, 1, keepdims=True), count)
    size = tf.reduce_max(there * tf.norm(control - middle, axis=-1), 1)[:, None, None]
    size = tf.where(size > 0.0, size, 1.0)
    control = (control - middle) / size
    plane = there[..., None] * _plane(control)  # (batch, m, 3)
    kernel = there[:, :, None] * there[:, None] * _bend(control, control)
    kernel += tf.linalg.diag(1.0 - there + SLACK + smoothing / size[:, 0] ** 2)
    corner = tf.tile(-SLACK * tf.eye(3, dtype=tf.float64)[None], (tf.shape(control)[0], 1, 1))
    lower = tf.concat([tf.linalg.matrix_transpose(plane), corner], 2)
    system = tf.concat([tf.concat([kernel, plane], 2), lower], 1)  # (batch, m + 3, m + 3)
    found = tf.linalg.solve(system, tf.pad(there[..., None] * values, [[0, 0], [0, 3], [0, 0]]))
    return ThinPlate(middle, size, control, found[:, :-3], found[:, -3:])


def at(spline: ThinPlate, points: tf.Tensor) -> tf.Tensor:
    """Values (batch, n, values), float64, at points (batch, n, 2), pixels (x, y)."""
    points = (tf.cast(points, tf.float64) - spline.middle) / spline.size
    return tf.matmul(_bend(points, spline.control), spline.weights) + tf.matmul(_plane(points), spline.affine)


def bending(spline: ThinPlate) -> tf.Tensor:
    """Bending energy of each value, (batch, values): value^2 / pixel^2."""
    bent = tf.matmul(_bend(spline.control, spline.control), spline.weights)
    return 8.0 * math.pi * tf.reduce_sum(spline.weights * bent, 1) / spline.size[:, 0] ** 2


def _plane(points):
    """1, x and y of points (batch, n, 2): (batch, n, 3)."""
    return tf.concat([tf.ones_like(points[..., :1]), points], -1)


def _bend(a, b):
    """U of the distances of points (batch, n, 2) from others (batch, m, 2): (batch, n, m)."""
    square = sum((a[:, :, None, axis] - b[:, None, :, axis]) ** 2 for axis in (0, 1))  # a sum over an axis of 2 is slow
    return 0.5 * square * tf.math.log(tf.maximum(square, 1e-300))

"""Displacement fields on a regular grid, as tensors: values between the nodes, and the way back.

A field is float32 (batch, rows, columns, 2): the displacement (dx, dy) in pixels at nodes `spacing` pixels apart, whose
middle is the image's centre. A field is *pulled*: a point q of the fixed image is found at ``q + d(q)`` in the moving one.
Between the nodes d is bilinear. Beyond them it goes on as the field's linear part, plus what the nearest node adds to that: so
turns and changes of scale are exact everywhere, and nothing grows that the field as a whole does not say.
"""

import math

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.geometry.sampling import bilinear

STEPS, TOLERANCE = 100, 1e-4  # of the fixed-point iteration: at most, and pixels at which it ends


def nodes(rows: int, columns: int, spacing: float) -> np.ndarray:
    """Places (rows, columns, 2) of a grid's nodes, pixels from the image's centre, float32 NumPy."""
    return geometry.centred_grid(rows, columns) * spacing


def grid_size(height: float, width: float, spacing: float) -> tuple[int, int]:
    """(rows, columns) of the smallest grid that covers all pixels of an image; those of the image where `spacing` is 1."""
    return tuple(math.ceil((size - 1) / spacing - 1e-6) + 1 for size in (height, width))


def linear_part(field: tf.Tensor, spacing: float) -> tuple[tf.Tensor, tf.Tensor]:
    """The affine map nearest to a field by least squares: matrix (batch, 2, 2) and vector (batch, 2), ``d(q) = M q + v``."""
    grid = tf.constant(nodes(field.shape[1], field.shape[2], spacing))  # its columns are orthogonal: no system to solve
    product = tf.einsum("brci,rcj->bij", field, grid)
    return tf.math.divide_no_nan(product, tf.reduce_sum(grid**2, (0, 1))), tf.reduce_mean(field, (1, 2))


def displacement_at(field: tf.Tensor, spacing: float, points: tf.Tensor) -> tf.Tensor:
    """Displacements (batch, n, 2) at points (batch, n, 2) in pixels from the centre; differentiable in both."""
    matrix, vector = linear_part(field, spacing)
    return _linear(matrix, vector, points) + _rest_at(_rest(field, spacing, matrix, vector), spacing, points)


def pulled_back(field: tf.Tensor, spacing: float, points: tf.Tensor) -> tf.Tensor:
    """Points q (batch, n, 2) of the fixed image that are found at `points` in the moving one: ``q + d(q) = points``.

    Fixed-point iteration on what is left of the field without its linear part: ``q = (I + M)^-1 (points - v - rest(q))``. It
    converges where the rest changes by less than a pixel from one pixel to the next; q is NaN where it does not.
    """
    matrix, vector = linear_part(field, spacing)
    rest = _rest(field, spacing, matrix, vector)
    back = tf.linalg.inv(tf.eye(2) + matrix)

    def solved(q):
        return tf.einsum("bij,bnj->bni", back, points - vector[:, None] - _rest_at(rest, spacing, q))

    def unfinished(step, q, moved):
        return (step < STEPS) & tf.reduce_any(moved > TOLERANCE)  # a NaN has finished

    def improve(step, q, _):
        better = solved(q)
        return step + 1, better, tf.norm(better - q, axis=-1)

    first = solved(points)
    _, q, moved = tf.while_loop(unfinished, improve, (0, first, tf.norm(first - points, axis=-1)))
    return tf.where(moved[..., None] <= TOLERANCE, q, float("nan"))


def least_determinant(field: tf.Tensor, spacing: float) -> tf.Tensor:
    """Smallest determinant of the Jacobian of ``q + d(q)`` in each cell between four nodes, (batch, rows - 1, columns - 1).

    1 where nothing is stretched, 0 or less where the field folds. Of a bilinear cell the determinant is linear: it is least at a
    corner.
    """
    right = (field[:, :, 1:] - field[:, :, :-1]) / spacing + tf.constant([1.0, 0.0])  # (batch, rows, columns - 1, 2)
    down = (field[:, 1:] - field[:, :-1]) / spacing + tf.constant([0.0, 1.0])  # (batch, rows - 1, columns, 2)
    corners = [
        x[..., 0] * y[..., 1] - x[..., 1] * y[..., 0]
        for x in (right[:, :-1], right[:, 1:])
        for y in (down[:, :, :-1], down[:, :, 1:])
    ]
    return tf.reduce_min(tf.stack(corners), 0)


def _linear(matrix, vector, points):
    return tf.einsum("bij,bnj->bni", matrix, points) + vector[:, None]


def _rest(field, spacing, matrix, vector):
    """The field without its linear part, (batch, rows, columns, 2)."""
    grid = tf.constant(nodes(field.shape[1], field.shape[2], spacing).reshape(1, -1, 2))
    return field - tf.reshape(_linear(matrix, vector, tf.tile(grid, (tf.shape(field)[0], 1, 1))), tf.shape(field))


def _rest_at(rest, spacing, points):
    half = tf.constant([rest.shape[2] - 1.0, rest.shape[1] - 1.0]) / 2.0
    inside = tf.clip_by_value(points / spacing, -half, half)
    return tf.stack([bilinear(rest[..., axis], inside) for axis in (0, 1)], -1)

"""Stationary velocities: where a point is after it has followed a flow for a unit of time, by scaling and squaring.

The flow of a smooth velocity is a diffeomorphism: it bends and never folds (Arsigny et al. 2006). Velocities and displacements
are pulled fields on a grid, as in `pipelines.geometry.displacement`.
"""

import tensorflow as tf

from pipelines.geometry.displacement import displacement_at, nodes

SQUARINGS = 7


def exponential(velocity: tf.Tensor, spacing: float, squarings: int = SQUARINGS) -> tf.Tensor:
    """The displacement (batch, rows, columns, 2) at the end of the flow of a velocity, pixels a unit of time, same grid.

    A short time is a step of the midpoint rule, then the flow is put after itself `squarings` times. Differentiable. The flow of
    minus the velocity is the inverse.
    """
    small = velocity / 2.0**squarings
    found = _at(small, spacing, small / 2.0)
    for _ in range(squarings):
        found = composed(found, found, spacing)
    return found


def composed(first: tf.Tensor, then: tf.Tensor, spacing: float) -> tf.Tensor:
    """One field (batch, rows, columns, 2) that pulls a point through `first`, and from there through `then`; all on one grid."""
    return first + _at(then, spacing, first)


def _at(field, spacing, displacement):
    """What a field is at its nodes moved by a displacement, both (batch, rows, columns, 2)."""
    shape = tf.shape(field)
    points = tf.constant(nodes(field.shape[1], field.shape[2], spacing)) + displacement
    found = displacement_at(field, spacing, tf.reshape(points, (shape[0], -1, 2)))
    return tf.reshape(found, shape)

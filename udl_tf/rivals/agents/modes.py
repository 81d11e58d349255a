"""A statistical model of deformations: the principal components of fields, each of a length that is told in pixels."""

import dataclasses

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.geometry.displacement import displacement_at
from pipelines.pairs import deformed

FIELDS = 600  # that the components are taken of
REACH = 1.0 / 16.0  # of the side: how far their points move at most
SEED = 5779


@dataclasses.dataclass(frozen=True)
class Modes:
    """Fields as sums of modes.

    Attributes:
        fields: float32 (modes, side, side, 2), pulled, pixels; orthogonal, a weight of 1 moves all points by 1 pixel (root mean
            square). So the length of a difference of weights is that of the fields, root mean square, pixels.
        deviations: float32 (modes,), of the weights, the largest first.
    """

    fields: np.ndarray
    deviations: np.ndarray

    def field(self, weights):
        """Fields (batch, side, side, 2) of weights (batch, modes)."""
        return tf.tensordot(weights, tf.constant(self.fields), 1)

    def weights(self, fields):
        """Weights (batch, modes) nearest to fields (batch, side, side, 2) by least squares."""
        return tf.einsum("byxi,myxi->bm", fields, tf.constant(self.fields)) / (self.fields[0].size / 2.0)


def principal(fields, count):
    """The `Modes` of fields (n, side, side, 2): the `count` directions, from no deformation, that they lie along most."""
    flat = np.asarray(fields, np.float64).reshape(len(fields), -1)
    _, values, directions = np.linalg.svd(flat, full_matrices=False)
    points = flat.shape[1] / 2.0
    modes = directions[:count].reshape(-1, *fields.shape[1:]) * np.sqrt(points)
    return Modes(modes.astype(np.float32), (values[:count] / np.sqrt(len(flat) * points)).astype(np.float32))


def expected(side, count):
    """The `Modes` of what `pipelines.pairs.deformed` makes: of random fields, of no pair that anybody is asked about."""
    drawn = deformed.random_field(FIELDS, side, REACH * side, tf.constant([SEED, side]))
    grid = tf.tile(tf.constant(geometry.centred_grid(side, side).reshape(1, -1, 2)), (FIELDS, 1, 1))
    fields = displacement_at(drawn, deformed.SPACING, grid)
    return principal(fields.numpy().reshape(FIELDS, side, side, 2), count)

"""Fields of displacements on a grid of their own: what bends."""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.geometry import displacement, warp
from pipelines.geometry.transforms.base import Transform, batch_of, images_of

FINER = 4  # what is computed from a field has as many nodes for one along each axis: its creases do not lie on the field's own


@dataclasses.dataclass(frozen=True, eq=False)
class Displacement(Transform):
    """Displacement fields that bring moving onto fixed; stored as they are pulled, see `pipelines.geometry.displacement`.

    Attributes:
        field: float32 (n, rows, columns, 2), pixels (dx, dy): a point q of the fixed image is at ``q + field(q)`` in the moving.
        spacing: pixels between two nodes of the grid, whose middle is the image's centre.
        covariance: None, or (n, rows, columns, 2, 2), of each node.

    Raises:
        InputError: shapes that do not fit, or a spacing that is not positive.
    """

    field: np.ndarray
    spacing: float = 1.0
    covariance: np.ndarray | None = None

    KIND = "displacement"
    UNITS = {"field": "pixels, pulled: moving point - fixed point, at nodes `spacing` pixels apart, (n, rows, columns, (dx, dy))"}

    def __post_init__(self):
        self._set("field", self.field, (None, None, None, 2), np.float32)
        if not 0.0 < self.spacing < np.inf:
            raise InputError(f"displacement transform: received a spacing of {self.spacing} pixels, expected more than 0")
        object.__setattr__(self, "spacing", float(self.spacing))
        self._set_covariance(*self.field.shape[1:3], 2, 2)

    @classmethod
    def of(cls, transform: Transform, height: int, width: int, spacing: float = 1.0) -> "Displacement":
        """Any transform as a field over a frame of height x width pixels, exact at its nodes; linear ones are so everywhere."""
        return cls.sampled(transform.pull, len(transform), displacement.grid_size(height, width, spacing), spacing)

    @classmethod
    def sampled(cls, pull: Callable, count: int, size: tuple[int, int], spacing: float) -> "Displacement":
        """The field of ``pull(points (m, 2)) -> (count, m, 2)`` at the nodes of a grid of size (rows, columns)."""
        points = displacement.nodes(*size, spacing).reshape(-1, 2)
        return cls((pull(points) - points).reshape(count, *size, 2), spacing)

    @property
    def extent(self) -> tuple[float, float]:
        """(height, width) of the grid in pixels, from its first nodes to its last."""
        return tuple((nodes - 1) * self.spacing for nodes in self.field.shape[1:3])

    def apply(self, points: np.ndarray) -> np.ndarray:
        """See `Transform.apply`; NaN where the field bends so much that `pulled_back` does not find the place."""
        points = tf.constant(batch_of(points, len(self)))
        return displacement.pulled_back(tf.constant(self.field), self.spacing, points).numpy()

    def pull(self, points: np.ndarray) -> np.ndarray:
        points = tf.constant(batch_of(points, len(self)))
        return (points + displacement.displacement_at(tf.constant(self.field), self.spacing, points)).numpy()

    def inverse(self, spacing: float | None = None) -> "Displacement":
        """The field that brings fixed onto moving, over the same extent.

        Args:
            spacing: of its nodes, pixels; by default `finer` than its own.
        """
        spacing = spacing or finer(self.spacing)
        size = displacement.grid_size(*(side + 1 for side in self.extent), spacing)
        return Displacement.sampled(self.apply, len(self), size, spacing)

    def warp(self, images: np.ndarray, fill_mode: str = "constant", backend: str = "gather") -> np.ndarray:
        """See `Transform.warp`; the kernel has no field: ``gather`` is the only backend."""
        if backend != "gather":
            raise InputError(f"displacement transform: received the backend {backend!r}, expected gather")
        images, field = images_of(images, len(self)), np.nan_to_num(self.field)
        return warp.displaced(tf.constant(images), tf.constant(field), self.spacing, fill_mode).numpy()


def finer(spacing: float) -> float:
    """Spacing of what is computed from a field: a quarter of its own, but one pixel at least, or its own if that is less."""
    return min(spacing, max(spacing / FINER, 1.0))

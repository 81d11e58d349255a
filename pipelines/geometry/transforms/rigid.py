"""Turns and shifts."""

import dataclasses

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.geometry import homography, warp
from pipelines.geometry.transforms.base import images_of
from pipelines.geometry.transforms.matrices import MatrixTransform


@dataclasses.dataclass(frozen=True, eq=False)
class Rigid(MatrixTransform):
    """Turn the moving image counter-clockwise as displayed, then shift it: it lies on the fixed one.

    Attributes:
        angle: (n,) degrees. shift: (n, 2) pixels, dx to the right and dy down.
        covariance: None, or (n, 3, 3) of (angle, dx, dy), degrees and pixels.

    Raises:
        InputError: shapes that do not fit.
    """

    angle: np.ndarray
    shift: np.ndarray
    covariance: np.ndarray | None = None

    KIND = "rigid"
    UNITS = {"angle": "degrees, counter-clockwise as displayed", "shift": "pixels"}

    def __post_init__(self):
        self._set("angle", self.angle, (None,))
        self._set("shift", self.shift, (len(self.angle), 2))
        self._set_covariance(3, 3)

    @classmethod
    def identity(cls, count: int) -> "Rigid":
        """`count` transforms that move nothing."""
        return cls(np.zeros(count, np.float32), np.zeros((count, 2), np.float32))

    @classmethod
    def nearest(cls, transform: MatrixTransform) -> "Rigid":
        """The rigid transforms nearest to those of a kind with a ``matrix``, at the image's centre."""
        angle, shift = homography.to_rigid(tf.constant(transform.matrix, tf.float32))
        return cls(angle.numpy(), shift.numpy())

    @property
    def matrix(self) -> np.ndarray:
        """Matrices, float32 (n, 3, 3)."""
        return homography.from_rigid(*self.tensors()).numpy()

    def tensors(self) -> tuple[tf.Tensor, tf.Tensor]:
        """(angle, shift) as float32 tensors."""
        return tf.constant(self.angle, tf.float32), tf.constant(self.shift, tf.float32)

    def inverse(self) -> "Rigid":
        return Rigid(*(part.numpy() for part in geometry.inverse(*self.tensors())))

    def warp(self, images: np.ndarray, fill_mode: str = "constant", backend: str = "kernel") -> np.ndarray:
        angle, shift = (np.nan_to_num(part) for part in (self.angle, self.shift))
        return warp.warp(images_of(images, len(self)), angle, shift, fill_mode=fill_mode, backend=backend).numpy()

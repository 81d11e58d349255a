"""The kinds that are a matrix (n, 3, 3) on homogeneous points: rigid, affine and homography."""

import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.geometry import homography, warp
from pipelines.geometry.transforms.base import Transform, batch_of, images_of


class MatrixTransform(Transform):
    """A `Transform` with the attribute ``matrix`` (n, 3, 3), its last element 1."""

    def apply(self, points: np.ndarray) -> np.ndarray:
        return _moved(self.matrix, batch_of(points, len(self)))

    def pull(self, points: np.ndarray) -> np.ndarray:
        return _moved(self.inverse().matrix, batch_of(points, len(self)))

    def warp(self, images: np.ndarray, fill_mode: str = "constant", backend: str = "kernel") -> np.ndarray:
        images, matrix = images_of(images, len(self)), np.asarray(self.matrix, np.float32)
        known = np.isfinite(matrix).all((1, 2), keepdims=True)
        pull = inverted(np.where(known, matrix, np.eye(3, dtype=np.float32)))
        return warp.pulled(tf.constant(images), tf.constant(pull), fill_mode, backend).numpy()


def inverted(matrix: np.ndarray) -> np.ndarray:
    """Inverses (n, 3, 3) of matrices, their last elements 1, computed in float64; NaN where a matrix is not a number.

    Raises:
        InputError: one that has no inverse.
    """
    try:
        found = np.linalg.inv(matrix.astype(np.float64))
    except np.linalg.LinAlgError:
        raise InputError("transform: received a matrix that is singular, expected one with an inverse") from None
    return (found / found[:, 2:, 2:]).astype(matrix.dtype)


def multiplied(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Matrices (n, 3, 3) of ``second after first``, their last elements 1, computed in float64."""
    found = second.astype(np.float64) @ first.astype(np.float64)
    return (found / found[:, 2:, 2:]).astype(np.result_type(first, second))


def _moved(matrix, points):
    return homography.apply(tf.constant(matrix, tf.float32), tf.constant(points)).numpy()

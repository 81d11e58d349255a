"""Turns, shifts, changes of scale and shear."""

import dataclasses

import numpy as np

from pipelines.errors import InputError
from pipelines.geometry.transforms.matrices import MatrixTransform, inverted


@dataclasses.dataclass(frozen=True, eq=False)
class Affine(MatrixTransform):
    """Affine transforms that bring moving onto fixed.

    Attributes:
        matrix: (n, 3, 3), its last row (0, 0, 1); (n, 2, 3) is taken, too, and completed.
        covariance: None, or (n, 6, 6) of the first two rows, row by row.

    Raises:
        InputError: shapes that do not fit, or another last row.
    """

    matrix: np.ndarray
    covariance: np.ndarray | None = None

    KIND = "affine"
    UNITS = {"matrix": "on (x, y, 1) in pixels"}

    def __post_init__(self):
        matrix = np.asarray(self.matrix)
        if matrix.ndim == 3 and matrix.shape[1:] == (2, 3):
            matrix = np.concatenate([matrix, np.broadcast_to([[[0.0, 0.0, 1.0]]], (len(matrix), 1, 3))], 1, dtype=matrix.dtype)
        self._set("matrix", matrix, (None, 3, 3))
        if (np.nan_to_num(self.matrix[:, 2]) != [0.0, 0.0, 1.0]).any() and np.isfinite(self.matrix).all():
            raise InputError("affine transform: received a matrix whose last row is not 0 0 1, expected a `Homography` for it")
        self._set_covariance(6, 6)

    @classmethod
    def of(cls, rigid: MatrixTransform) -> "Affine":
        """The same transforms as an affine kind."""
        return cls(rigid.matrix)

    def inverse(self) -> "Affine":
        found = inverted(self.matrix)
        return Affine(found[:, :2])

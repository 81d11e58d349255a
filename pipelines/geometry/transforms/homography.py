"""Plane homographies: what a camera sees of a plane."""

import dataclasses

import numpy as np

from pipelines.geometry.transforms.matrices import MatrixTransform, inverted


@dataclasses.dataclass(frozen=True, eq=False)
class Homography(MatrixTransform):
    """Homographies that bring moving onto fixed.

    Attributes:
        matrix: (n, 3, 3), its last element 1, on points (x, y, 1) in pixels.
        covariance: None, or (n, 8, 8) of the other eight elements, row by row.

    Raises:
        InputError: shapes that do not fit.
    """

    matrix: np.ndarray
    covariance: np.ndarray | None = None

    KIND = "homography"
    UNITS = {"matrix": "on (x, y, 1) in pixels"}

    def __post_init__(self):
        self._set("matrix", self.matrix, (None, 3, 3))
        self._set_covariance(8, 8)

    @classmethod
    def of(cls, transform: MatrixTransform) -> "Homography":
        """The same transforms, rigid or affine ones, as homographies."""
        return cls(transform.matrix)

    def inverse(self) -> "Homography":
        return Homography(inverted(self.matrix))

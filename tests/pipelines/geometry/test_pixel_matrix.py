"""What others' matrices mean in our convention."""

import numpy as np
import pytest

from pipelines import geometry
from pipelines.geometry import pixel_matrix

ANGLES = np.array([0.3, 77.35, -90.0, -160.8, 179.4, 33.0], np.float32)
SHIFTS = np.array([[0.0, 0.0], [3.4, -7.2], [9.0, 0.5], [-9.3, 11.6], [2.0, 3.0], [-8.0, -8.0]], np.float32)


def test_matrices_are_those_of_our_convention():
    for angle, shift in zip(ANGLES, SHIFTS, strict=True):
        matrix = pixel_matrix.from_rigid(angle, shift, 128)
        expected = geometry.sampling_transform(angle[None], shift[None], 128, 128)[0, :6].numpy().reshape(2, 3)
        assert matrix == pytest.approx(expected, abs=1e-4)
        back = pixel_matrix.to_rigid(matrix, 128)
        assert back[0] == pytest.approx(angle, abs=1e-6)
        assert back[1] == pytest.approx(shift, abs=1e-5)

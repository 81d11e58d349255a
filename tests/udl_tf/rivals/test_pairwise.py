"""What others' matrices mean in our convention."""

import numpy as np
import pytest

from pipelines import geometry
from pipelines.geometry.warp import warp
from pipelines.pictures import phantoms
from udl_tf.rivals import pairwise

ANGLES = np.array([0.3, 77.35, -90.0, -160.8, 179.4, 33.0], np.float32)
SHIFTS = np.array([[0.0, 0.0], [3.4, -7.2], [9.0, 0.5], [-9.3, 11.6], [2.0, 3.0], [-8.0, -8.0]], np.float32)


def test_matrices_are_those_of_our_convention():
    for angle, shift in zip(ANGLES, SHIFTS, strict=True):
        matrix = pairwise.matrix_of(angle, shift, 128)
        expected = geometry.sampling_transform(angle[None], shift[None], 128, 128)[0, :6].numpy().reshape(2, 3)
        assert matrix == pytest.approx(expected, abs=1e-4)
        back = pairwise.rigid_of(matrix, 128)
        assert back[0] == pytest.approx(angle, abs=1e-6)
        assert back[1] == pytest.approx(shift, abs=1e-5)


def test_agreement_looks_at_the_overlap_only():
    moving = phantoms.particles(1, 128, seed=4, symmetry=1)[0]
    fixed = warp(moving[None], ANGLES[3:4], SHIFTS[3:4]).numpy()[0]
    right = pairwise.matrix_of(ANGLES[3], SHIFTS[3], 128)
    assert pairwise.agreement(fixed, moving, right) > 0.99
    assert pairwise.agreement(fixed, moving, pairwise.matrix_of(ANGLES[3] + 180.0, SHIFTS[3], 128)) < 0.9
    assert pairwise.agreement(fixed, moving, pairwise.matrix_of(0.0, np.array([100.0, 0.0]), 128)) == -1.0

"""Who agrees best."""

import numpy as np

from pipelines.geometry import pixel_matrix
from pipelines.geometry.warp import warp
from pipelines.pictures import phantoms
from udl_tf.rivals import pairwise

ANGLES = np.array([0.3, 77.35, -90.0, -160.8, 179.4, 33.0], np.float32)
SHIFTS = np.array([[0.0, 0.0], [3.4, -7.2], [9.0, 0.5], [-9.3, 11.6], [2.0, 3.0], [-8.0, -8.0]], np.float32)


def test_agreement_looks_at_the_overlap_only():
    moving = phantoms.particles(1, 128, seed=4, symmetry=1)[0]
    fixed = warp(moving[None], ANGLES[3:4], SHIFTS[3:4]).numpy()[0]
    right = pixel_matrix.from_rigid(ANGLES[3], SHIFTS[3], 128)
    assert pairwise.agreement(fixed, moving, right) > 0.99
    assert pairwise.agreement(fixed, moving, pixel_matrix.from_rigid(ANGLES[3] + 180.0, SHIFTS[3], 128)) < 0.9
    assert pairwise.agreement(fixed, moving, pixel_matrix.from_rigid(0.0, np.array([100.0, 0.0]), 128)) == -1.0

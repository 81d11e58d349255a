"""The shift of a method that finds the angle alone."""

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.geometry.warp import warp
from pipelines.pictures import phantoms
from udl_tf.rivals import shifts


def test_the_shift_given_the_angle():
    clean = phantoms.particles(6, 64, seed=1)
    rng = np.random.default_rng(2)
    angle = rng.uniform(-180.0, 180.0, 6).astype(np.float32)
    shift = rng.uniform(-5.0, 5.0, (6, 2)).astype(np.float32)
    fixed = warp(tf.constant(clean), angle, shift).numpy()
    for period in (360.0, 180.0):
        known = angle if period == 360.0 else (angle + 180.0 * rng.integers(0, 2, 6)).astype(np.float32)
        found = shifts.given_angle(fixed, clean, known, period)
        np.testing.assert_allclose(geometry.angular_distance(found.angle, angle), 0.0, atol=1e-3)
        np.testing.assert_allclose(found.shift, shift, atol=0.3)

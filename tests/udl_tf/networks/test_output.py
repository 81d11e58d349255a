"""The angle of a network's output, by hand."""

import numpy as np
import tensorflow as tf

from udl_tf.networks.output import degrees, told_by


def test_an_angle_is_told_within_half_a_period():
    output = {"angle": tf.constant([0.0, 100.0, 350.0, -200.0])}
    assert told_by(output) == "angle"
    np.testing.assert_allclose(degrees(output, 360.0), [0.0, 100.0, -10.0, 160.0], atol=1e-4)
    np.testing.assert_allclose(degrees(output, 180.0), [0.0, -80.0, -10.0, -20.0], atol=1e-4)


def test_a_direction_turns_once_a_period():
    output = {"direction": tf.constant([[1.0, 0.0], [0.0, 2.0], [0.0, -0.5]]), "correlation": tf.zeros((3, 4))}
    assert told_by(output) == "direction"
    np.testing.assert_allclose(degrees(output, 360.0), [0.0, 90.0, -90.0], atol=1e-4)
    np.testing.assert_allclose(degrees(output, 180.0), [0.0, 45.0, -45.0], atol=1e-4)

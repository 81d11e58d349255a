"""What training minimises; every loss is per pair, (batch,), and none sees the truth except the two supervised ones.

UDL (paper eq. 10): a pair disturbed by turning `fixed` by a_fixed and `moving` by a_moving has the angle
``angle' = angle + a_fixed - a_moving`` (`geometry.disturbed_truth`). Below, `turn` is
the difference a_fixed - a_moving.

Directions: see `geometry.direction_of`.
"""

import tensorflow as tf

from pipelines import geometry


def periodic_l1(a, b, period):
    """Distance |a - b| on a circle of `period` degrees (paper eq. 13, whose inner min(x, b) must read |x - b|)."""
    return geometry.angular_distance(a, b, period)


def range_penalty(angle, period):
    """Degrees by which an output leaves [0, period] (paper eq. 14, mended: as printed it punishes what is inside)."""
    return tf.nn.relu(-angle) + tf.nn.relu(angle - period)


def udl_angle(angle, disturbed, turn, period):
    """The paper's eq. 12 for scalar outputs, in degrees.

    Args:
        angle, disturbed: (batch,) degrees, the outputs on the pair and on the disturbed pair.
        turn: (batch,) degrees, a_fixed - a_moving.
    """
    difference = periodic_l1(disturbed - angle, turn, period)
    return difference + range_penalty(angle, period) + range_penalty(disturbed, period)


def udl_direction(direction, disturbed, turn, period):
    """Circular form of eq. 11: ``1 - Re(z' conj(z) exp(-2 pi i turn / period))``, in [0, 2].

    z is taken as the network gives it: where its length says how sharp a correlation peak is, sharpness is rewarded.
    """
    return 1.0 - tf.reduce_sum(disturbed * geometry.turn_direction(direction, turn, period), axis=-1)


def supervised_angle(angle, target, period):
    """Periodic L1 to a known angle, with the range penalty, in degrees."""
    return periodic_l1(angle, target, period) + range_penalty(angle, period)


def supervised_direction(direction, target, period):
    """``1 - Re(z exp(-2 pi i target / period))`` for a known angle (batch,) in degrees."""
    return 1.0 - tf.reduce_sum(direction * geometry.direction_of(target, period), axis=-1)

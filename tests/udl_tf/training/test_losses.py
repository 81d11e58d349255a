"""The losses against values computed by hand."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from udl_tf.training import losses


def close(tensor, expected, tolerance=1e-4):
    np.testing.assert_allclose(np.asarray(tensor), expected, atol=tolerance)


@pytest.mark.parametrize(
    ("a", "b", "period", "expected"),
    [
        (10.0, 30.0, 360.0, 20.0),
        (350.0, 10.0, 360.0, 20.0),
        (-190.0, 170.0, 360.0, 0.0),
        (5.0, 170.0, 180.0, 15.0),
        (0.0, 90.0, 180.0, 90.0),
    ],
)
def test_periodic_l1_by_hand(a, b, period, expected):
    close(losses.periodic_l1(tf.constant([a]), tf.constant([b]), period), [expected])


def test_range_penalty_is_zero_inside_and_the_distance_outside():
    close(losses.range_penalty(tf.constant([-7.0, 0.0, 100.0, 360.0, 365.0]), 360.0), [7.0, 0.0, 0.0, 0.0, 5.0])


def test_udl_angle_by_hand():
    # 350 -> 20 is +30 on the circle; the turn says +25: off by 5. Second: 370 is 10 out of range, difference right.
    loss = losses.udl_angle(tf.constant([350.0, 370.0]), tf.constant([20.0, 40.0]), tf.constant([25.0, 30.0]), 360.0)
    close(loss, [5.0, 10.0])


def test_udl_angle_by_hand_modulo_180():
    loss = losses.udl_angle(tf.constant([170.0]), tf.constant([10.0]), tf.constant([-340.0]), 180.0)  # +20, turn +20
    close(loss, [0.0])


@pytest.mark.parametrize("period", [180.0, 360.0])
def test_udl_direction_is_one_minus_the_cosine_of_the_miss(period):
    angle, turn, miss = (
        np.array([10.0, 100.0, -40.0]),
        np.array([50.0, -300.0, 123.0]),
        np.array([0.0, period / 4, period / 2]),
    )
    first = geometry.direction_of(tf.constant(angle, tf.float32), period)
    second = geometry.direction_of(tf.constant(angle + turn + miss, tf.float32), period)
    close(losses.udl_direction(first, second, tf.constant(turn, tf.float32), period), [0.0, 1.0, 2.0])


def test_udl_direction_against_complex_arithmetic_and_rewards_length():
    z, z2, turn = 0.6 * np.exp(0.3j), 0.5 * np.exp(1.1j), 47.0
    expected = 1.0 - (z2 * np.conj(z) * np.exp(-2j * np.pi * turn / 180.0)).real
    pairs = [tf.constant([[v.real, v.imag]], tf.float32) for v in (z, z2)]
    close(losses.udl_direction(*pairs, tf.constant([turn]), 180.0), [expected])
    sharp = geometry.direction_of(tf.constant([20.0]), 360.0)
    zero = tf.zeros(1)
    assert losses.udl_direction(0.5 * sharp, sharp, zero, 360.0)[0] > losses.udl_direction(sharp, sharp, zero, 360.0)[0] + 0.4


def test_supervised_losses_by_hand():
    close(losses.supervised_angle(tf.constant([359.0, -4.0]), tf.constant([4.0, 356.0]), 360.0), [5.0, 4.0])
    direction = geometry.direction_of(tf.constant([100.0, 100.0]), 180.0)
    close(losses.supervised_direction(direction, tf.constant([-80.0, 10.0]), 180.0), [0.0, 2.0])


def test_direction_and_back():
    angle = np.array([-89.0, -10.0, 0.0, 45.0, 89.0], np.float32)
    close(geometry.angle_of(geometry.direction_of(tf.constant(angle), 180.0), 180.0), angle)
    close(geometry.direction_of(tf.constant([45.0]), 180.0), [[0.0, 1.0]])

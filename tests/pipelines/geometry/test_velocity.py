"""Flows against closed forms."""

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.geometry import displacement, velocity
from pipelines.geometry.transforms import Displacement, compose
from pipelines.pairs import deformed


def test_a_constant_velocity_is_a_shift():
    found = velocity.exponential(tf.broadcast_to(tf.constant([4.5, -2.25]), (2, 15, 20, 2)), 2.0)
    np.testing.assert_allclose(found, np.broadcast_to(np.float32([4.5, -2.25]), (2, 15, 20, 2)), atol=1e-5)


def test_the_velocity_of_a_rotation_is_that_rotation():
    angles = np.float32([25.0, -40.0])
    grid = displacement.nodes(64, 64, 2.0)  # out to 90 pixels from the middle
    around = np.stack([grid[..., 1], -grid[..., 0]], -1)  # counter-clockwise as displayed, a radian a unit of time
    found = velocity.exponential(tf.constant(np.deg2rad(angles)[:, None, None, None] * around), 2.0).numpy()
    turned = geometry.rotate_points(angles[:, None], np.broadcast_to(grid.reshape(1, -1, 2), (2, 4096, 2))).numpy()
    away = found.reshape(2, -1, 2) + grid.reshape(1, -1, 2) - turned
    assert np.abs(away).max() < 1e-3


def test_the_flow_of_minus_the_velocity_leads_back():
    field = Displacement(deformed.random_field(3, 64, 4.0, tf.constant([1, 2])).numpy(), 2.0)
    points = geometry.centred_grid(48, 48).reshape(-1, 2)
    assert np.abs(field.apply(field.pull(points)) - points).max() < 0.01
    back = compose(field, field.inverse(spacing=0.5), spacing=1.0)
    assert np.linalg.norm(back.pull(points) - points, axis=-1).max() < 0.01


def test_gradients_reach_the_velocity():
    flow = tf.Variable(tf.random.stateless_normal((1, 8, 8, 2), (1, 2)))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(velocity.exponential(flow, 2.0)[..., 0])
    gradient = tape.gradient(loss, flow).numpy()
    assert np.isfinite(gradient).all() and np.abs(gradient[..., 0]).min() > 0.0


def test_least_determinants_by_hand():
    grid = displacement.nodes(5, 6, 3.0)
    stretched = np.stack([grid * [0.5, 0.2], grid * [-2.0, 0.0]]).astype(np.float32)  # x 1.5 and y 1.2; x mirrored
    found = displacement.least_determinant(tf.constant(stretched), 3.0).numpy()
    assert found.shape == (2, 4, 5)
    np.testing.assert_allclose(found[0], 1.8, atol=1e-5)
    np.testing.assert_allclose(found[1], -1.0, atol=1e-5)
    one = np.zeros((1, 3, 3, 2), np.float32)
    one[0, 1, 1] = [-4.5, 0.0]  # the middle node goes half a cell beyond its left neighbour
    np.testing.assert_allclose(displacement.least_determinant(tf.constant(one), 3.0).numpy()[0], [[-0.5, 1.0], [-0.5, 1.0]])

"""LDDMM: a batched optimiser against closed forms, the momenta's grid against the geometry, the objective and its gradient."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from pipelines.geometry.displacement import displacement_at
from pipelines.geometry.transforms import Displacement
from udl_tf.rivals.deformable import lbfgs, lddmm
from udl_tf.rivals.deformable.momentum import MomentumGrid, finer
from udl_tf.rivals.windows import box_mean

RNG = np.random.default_rng(4)
GRID = MomentumGrid(30, 40)  # of 48 x 56 pixels


@pytest.fixture(scope="module")
def momentum():
    return tf.constant(box_mean(RNG.normal(size=(2, 2, *GRID.size)).astype(np.float32), 3).numpy().transpose(0, 2, 3, 1))


def waves(points):
    x, y = points[..., 0], points[..., 1]
    return (np.sin(0.41 * x + 0.13 * y) + np.cos(0.17 * x - 0.37 * y) + np.sin(0.29 * (x + y))).astype(np.float32)


def test_quadratics_of_a_batch_are_minimised_each_on_its_own():
    """Curvatures from 1 to 100; the second problem is flat, the third begins at its minimum."""
    curvature = np.geomspace(1.0, 100.0, 4) * np.float32([1.0, 0.0, 1.0])[:, None]
    goal = RNG.normal(size=(3, 4)).astype(np.float32)

    def evaluate(points):
        away = points - goal
        return 0.5 * tf.reduce_sum(curvature * away**2, 1), curvature * away

    start = tf.constant(goal * np.float32([0.0, 0.0, 1.0])[:, None])
    found, values = lbfgs.minimise(evaluate, start, 30, 0.1)
    np.testing.assert_allclose(values, 0.0, atol=1e-6)
    np.testing.assert_allclose(found[0], goal[0], atol=1e-3)
    np.testing.assert_array_equal(found[1:], start[1:])


def test_a_value_that_does_not_fall_or_is_none_is_left_where_it_was():
    def evaluate(points):
        moved = tf.reduce_any(points != 0.0, 1)
        return tf.where(moved, [np.nan, 2.0], [1.0, 1.0]), tf.ones_like(points)

    found, values = lbfgs.minimise(evaluate, tf.zeros((2, 3)), 5, 0.1)
    np.testing.assert_array_equal(found, 0.0)
    np.testing.assert_array_equal(values, 1.0)


def test_the_field_at_pixels_is_the_displacement_of_its_grid(momentum):
    field = GRID.field(momentum)
    points = tf.constant(np.tile(geometry.centred_grid(30, 40).reshape(1, -1, 2), (2, 1, 1)))
    expected = tf.reshape(displacement_at(field, GRID.spacing, points), (2, 30, 40, 2))
    np.testing.assert_allclose(GRID.at_pixels(field), expected, atol=1e-5)


def test_the_inverse_leads_back(momentum):
    field, back = GRID.field(momentum), GRID.inverse(momentum)
    points = geometry.centred_grid(20, 20).reshape(-1, 2)
    there = Displacement(field.numpy(), GRID.spacing).pull(points)
    away = np.linalg.norm(there - points, axis=-1)
    left = np.linalg.norm(Displacement(back.numpy(), GRID.spacing).pull(there) - points, axis=-1)
    assert away.max() > 0.5 and left.max() < 0.1 * away.max()


def test_a_constant_momentum_is_the_same_shift_on_a_finer_grid_and_its_energy_is_half_its_square():
    """Of (1.5, -1) nodes of 4 pixels: 6 and -4 pixels, half of 52, on a grid of 48 x 56 pixels around an image of 30 x 40."""
    coarse = MomentumGrid(30, 40, 8)
    momentum = tf.tile(tf.constant([[[[0.75, -0.5]]]]), (1, *coarse.size, 1))
    for grid, one in ((coarse, momentum), (GRID, finer(momentum))):
        assert tuple(one.shape[1:3]) == grid.size
        np.testing.assert_allclose(grid.field(one), np.broadcast_to([-6.0, 4.0], (1, *grid.size, 2)), atol=1e-4)
        np.testing.assert_allclose(grid.energy(one), [26.0 * 48 * 56 / (30 * 40)], rtol=1e-5)


def test_differences_are_counted_where_the_moving_image_is_known():
    moving = tf.constant(RNG.normal(size=(1, 32, 32)).astype(np.float32))
    field = tf.tile(tf.constant([[[[8.0, 0.0]]]]), (1, 32, 32, 1))
    fixed = tf.concat([moving[:, :, 8:] + 0.5, 100.0 + moving[:, :, :8]], 2)
    unlike, known = lddmm.unlikeness(fixed, moving, field)
    np.testing.assert_allclose(unlike, [0.25], rtol=1e-4)
    np.testing.assert_allclose(known, [0.75])


def test_a_shift_is_found_and_the_gradient_is_that_of_the_value(momentum):
    """Gradient: along a line, against the difference of values."""
    shift = np.float32([1.6, -1.1])
    points = geometry.centred_grid(30, 40)
    fixed, moving = (tf.constant(waves(places)[None]) for places in (points, points - shift))
    found = lddmm.momenta(fixed, moving, (lddmm.Level(4, 5, 8), lddmm.Level(4, 1, 10)), 0.01)
    field = GRID.at_pixels(GRID.field(found)).numpy()[0, 4:-4, 4:-4]
    assert np.abs(field - shift).mean() < 0.1

    ask = lddmm.objective(GRID)
    start, along, step = 0.3 * momentum[:1], momentum[1:], 2e-3
    _, gradient = ask(fixed, moving, tf.constant(0.01), start)
    values = [ask(fixed, moving, tf.constant(0.01), start + side * step * along)[0].numpy()[0] for side in (-1.0, 1.0)]
    slope = (values[1] - values[0]) / (2.0 * step)
    assert abs(slope) > 1e-3
    np.testing.assert_allclose(tf.reduce_sum(gradient * along), slope, rtol=0.03)

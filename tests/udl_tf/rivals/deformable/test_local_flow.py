"""Lucas-Kanade's displacements of images whose motion is known."""

import numpy as np
import tensorflow as tf

from pipelines import geometry
from udl_tf.rivals.deformable.local_flow import LocalFlow, flow_at_nodes, local_flow

POINTS = geometry.centred_grid(48, 48)


def waves(points):
    """A smooth picture at points (..., 2) that has slopes in all directions everywhere."""
    x, y = points[..., 0], points[..., 1]
    return (np.sin(0.41 * x + 0.13 * y) + np.cos(0.17 * x - 0.37 * y) + np.sin(0.29 * (x + y))).astype(np.float32)


def test_a_shift_is_found_everywhere_and_pulled():
    """Moving shows at q + d what fixed shows at q."""
    shift = np.float32([0.6, -0.4])
    fixed, moving = waves(POINTS)[None], waves(POINTS - shift)[None]
    found = local_flow(tf.constant(fixed), tf.constant(moving), 3, 9).numpy()[0, 8:-8, 8:-8]
    np.testing.assert_allclose(found.mean((0, 1)), shift, rtol=0.15)  # the damping takes a tenth
    assert np.abs(found - shift).max() < np.abs(shift).max()  # where one slope is weak, damping takes more, but never all


def test_a_place_is_solved_as_by_numpy():
    fixed, moving = waves(POINTS), waves(POINTS - np.float32([0.6, -0.4]))
    found = local_flow(tf.constant(fixed[None]), tf.constant(moving[None]), 1, 9).numpy()[0]
    y, x = np.gradient(0.5 * (fixed + moving).astype(np.float64))
    damping = 0.05 * np.mean((x**2 + y**2)[1:-1, 1:-1])  # of the edges, where slopes are half ones, almost nothing hangs
    for row, column in ((20, 20), (12, 33), (30, 9)):
        window = np.s_[row - 4 : row + 5, column - 4 : column + 5]
        slopes = np.stack([x[window].ravel(), y[window].ravel()], 1)
        right = slopes.T @ (fixed - moving)[window].ravel() / 81
        expected = np.linalg.solve(slopes.T @ slopes / 81 + damping * np.eye(2), right)
        np.testing.assert_allclose(found[row, column], expected, atol=2e-3)


def test_nothing_moves_where_nothing_is_or_nothing_differs():
    still = tf.constant(waves(POINTS)[None])
    np.testing.assert_allclose(local_flow(still, still, 3, 7), 0.0, atol=1e-6)
    np.testing.assert_allclose(local_flow(tf.zeros((1, 48, 48)), tf.zeros((1, 48, 48)), 3, 7), 0.0, atol=1e-6)


def test_the_layer_has_two_channels_a_window_and_no_more_than_half_a_window():
    rng = np.random.default_rng(0)
    pair = [tf.constant(rng.normal(size=(2, 48, 48)).astype(np.float32)) for _ in range(2)]
    found = LocalFlow()(pair).numpy()
    assert found.shape == (2, 48, 48, 4)
    np.testing.assert_array_equal(found[..., :2], local_flow(*pair, 3, 7))
    assert np.abs(found[..., :2]).max() <= 3.5 and np.abs(found[..., 2:]).max() <= 7.5


def test_at_nodes_it_is_what_it_is_there():
    """Nodes 4 pixels apart that lie on pixels, in an image with an odd side: windows are the same."""
    fixed, moving = (
        tf.constant(waves(POINTS - shift)[None, :47, :47]) for shift in (np.float32([0, 0]), np.float32([0.6, -0.4]))
    )
    everywhere = local_flow(fixed, moving, 3, 9).numpy()[0, 7:-7, 7:-7][::4, ::4]
    found = flow_at_nodes(fixed, moving, 3, 9, (13, 13), 4).numpy()[0]
    np.testing.assert_allclose(found[2:-2, 2:-2], everywhere, atol=0.01)  # the damping counts pixels at the border a little less
    assert np.abs(found[2:-2, 2:-2]).mean() > 0.3 and np.all(found[0] == 0.0)

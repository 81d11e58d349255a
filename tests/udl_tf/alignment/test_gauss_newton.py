"""Gradients of images and solutions of Gauss-Newton steps: against derivatives known in closed form and against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from udl_tf.alignment.gauss_newton import gradients, solve


def test_gradients_of_a_polynomial():
    """Central differences of x^2 + 3 x y are exact; at the mirrored edge they are half of a one-sided one."""
    y, x = np.mgrid[:5, :7].astype(np.float32)
    across, down = (part.numpy()[0] for part in gradients(tf.constant((x**2 + 3 * x * y)[None])))
    np.testing.assert_allclose(across[:, 1:-1], (2 * x + 3 * y)[:, 1:-1], atol=1e-5)
    np.testing.assert_allclose(down[1:-1], 3 * x[1:-1], atol=1e-5)
    np.testing.assert_allclose(across[:, 0], (1 + 3 * y[:, 0]) / 2, atol=1e-5)
    np.testing.assert_allclose(down[0], 3 * x[0] / 2, atol=1e-5)


def test_gradients_of_feature_maps():
    maps = np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype(np.float32)
    across, down = gradients(tf.constant(maps))
    for channel in range(3):
        alone = gradients(tf.constant(maps[..., channel]))
        np.testing.assert_array_equal(across[..., channel], alone[0])
        np.testing.assert_array_equal(down[..., channel], alone[1])


@pytest.mark.parametrize("count", [2, 3, 8])
def test_solve_against_numpy(count):
    rng = np.random.default_rng(0)
    root = rng.normal(size=(50, count, 2 * count)) * np.geomspace(0.01, 100.0, count)[:, None]
    matrix, right = root @ root.transpose(0, 2, 1), rng.normal(size=(50, count))
    damped = matrix * (1 + 1e-4 * np.eye(count))
    found = solve(tf.constant(matrix, tf.float32), tf.constant(right, tf.float32)).numpy()
    np.testing.assert_allclose(found, np.linalg.solve(damped, right[..., None])[..., 0], rtol=5e-3, atol=1e-6)


def test_solve_never_fails():
    flat = np.zeros((2, 3, 3))
    flat[1] = np.outer([1.0, 2.0, 0.0], [1.0, 2.0, 0.0])  # one direction is known, two are not
    found = solve(tf.constant(flat, tf.float32), tf.constant([[0.0, 0.0, 0.0], [1.0, 2.0, 0.0]])).numpy()
    assert np.isfinite(found).all() and found[0].tolist() == [0, 0, 0]
    np.testing.assert_allclose(flat[1] @ found[1], [1.0, 2.0, 0.0], atol=1e-3)

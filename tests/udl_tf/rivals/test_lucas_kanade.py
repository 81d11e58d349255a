"""Lucas-Kanade on pictures of spots that are rendered, not warped: the transform between them is exact."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.geometry import homography
from udl_tf.rivals import lucas_kanade
from udl_tf.rivals.problem import Problem

SIZE = 96
SPOTS = np.random.default_rng(3).uniform([-0.42, -0.42, 0.05, 0.5], [0.42, 0.42, 0.09, 1.5], (25, 4))  # x, y, width, brightness


def render(matrix, size=SIZE):
    """Pictures (n, size, size) whose value at p is that of the picture of spots at ``inverse(matrix) p``: (n, 3, 3) in pixels."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    back = np.linalg.inv(np.asarray(matrix, np.float64))
    points = np.einsum("nij,jp->nip", back, np.stack([x.ravel(), y.ravel(), np.ones(size * size)]))
    px, py = points[:, 0] / points[:, 2], points[:, 1] / points[:, 2]
    image = np.zeros_like(px)
    for sx, sy, width, bright in SPOTS * [size, size, size, 1]:
        image += bright * np.exp(-((px - sx) ** 2 + (py - sy) ** 2) / (2 * width**2))
    return image.reshape(-1, size, size).astype(np.float32)


def rigid(angle, shift):
    return homography.from_rigid(np.float32(angle), np.float32(shift)).numpy()


def projective(*rows):
    """Homographies (n, 3, 3) of their first eight elements each."""
    return np.float32([[*row, 1.0] for row in rows]).reshape(-1, 3, 3)


TRUE = {
    "translation": rigid([0.0, 0.0], [[5.0, 0.0], [-3.0, 4.0]]),
    "rigid": rigid([5.0, -5.0], [[3.0, 4.0], [-5.0, 0.0]]),
    "affine": projective((1.05, 0.04, 3, -0.06, 0.97, -4, 0, 0), (0.96, -0.05, -2, 0.07, 1.04, 4, 0, 0)),
    "homography": projective((1.05, 0.04, 4, -0.06, 0.97, -4, 4e-4, -3e-4), (0.96, -0.05, -4, 0.07, 1.04, 4, -3e-4, 5e-4)),
}


@pytest.mark.parametrize("method", lucas_kanade.METHODS)
@pytest.mark.parametrize("kind", TRUE)
def test_converges_to_the_exact_warp(kind, method):
    """Warps of 5 px and 5 degrees: within 0.01 px at every corner, and 0.01 degrees."""
    moving = np.repeat(render(np.eye(3)[None]), 2, axis=0)
    fixed = render(TRUE[kind])
    found, residual = lucas_kanade.align(tf.constant(fixed), tf.constant(moving), kind, method, steps=40)
    error = homography.corner_error(found, TRUE[kind], SIZE, SIZE).numpy()
    before = homography.corner_error(np.repeat(np.eye(3, dtype=np.float32)[None], 2, 0), TRUE[kind], SIZE, SIZE).numpy()
    assert before.min() > 4.0
    assert error.max() < (0.01 if kind in ("translation", "rigid") else 0.05), error
    angle, _ = homography.to_rigid(found)
    expected, _ = homography.to_rigid(tf.constant(TRUE[kind]))
    assert geometry.angular_distance(angle, expected).numpy().max() < 0.01
    assert residual.numpy().max() < 0.01 * fixed.std()


def test_starts_where_it_is_told():
    """A turn of 120 degrees is too far from nothing, and not from 117."""
    true = rigid([120.0], [[2.0, -1.0]])
    pair = tf.constant(render(true)), tf.constant(render(np.eye(3)[None]))
    near, _ = lucas_kanade.align(*pair, start=tf.constant(rigid([117.0], [[0.0, 0.0]])))
    far, _ = lucas_kanade.align(*pair)
    assert homography.corner_error(near, true, SIZE, SIZE).numpy() < 0.01
    assert homography.corner_error(far, true, SIZE, SIZE).numpy() > 5


@pytest.mark.parametrize("method", lucas_kanade.METHODS)
def test_in_a_graph_with_one_pair(method):
    true = rigid([3.0], [[2.0, -1.0]])
    pair = tf.constant(render(true)), tf.constant(render(np.eye(3)[None]))
    start = tf.constant(rigid([1.0], [[0.0, 0.0]]))
    found, _ = tf.function(lambda *images: lucas_kanade.align(*images, "rigid", method, 20, start))(*pair)
    assert homography.corner_error(found, true, SIZE, SIZE).numpy() < 0.01


@pytest.mark.parametrize("method", lucas_kanade.METHODS)
def test_blank_pairs_stay_where_they_are(method):
    blank = tf.ones((2, 32, 32))
    found, residual = lucas_kanade.align(blank, blank, "homography", method, steps=5)
    np.testing.assert_allclose(found, np.repeat(np.eye(3)[None], 2, 0), atol=1e-4)
    np.testing.assert_allclose(residual, 0.0, atol=1e-4)


@pytest.mark.parametrize("kind", lucas_kanade.WARPS)
def test_jacobians_match_finite_differences(kind):
    warp = lucas_kanade.WARPS[kind]
    rng = np.random.default_rng(0)
    parameters = rng.uniform(-0.2, 0.2, (1, warp.count)).astype(np.float32)
    points = rng.uniform(-1, 1, (7, 2)).astype(np.float32)
    found = warp.jacobian(tf.constant(parameters), tf.constant(points)).numpy()[0]
    step = 1e-2
    for k in range(warp.count):
        ends = []
        for sign in (1, -1):
            moved = parameters + sign * step * np.eye(warp.count, dtype=np.float32)[k]
            ends.append(homography.apply(warp.matrix(tf.constant(moved)), points[None]).numpy()[0])
        np.testing.assert_allclose(found[..., k], (ends[0] - ends[1]) / (2 * step), atol=2e-3)


@pytest.mark.parametrize("kind", lucas_kanade.WARPS)
def test_parameters_give_their_matrix_back(kind):
    warp = lucas_kanade.WARPS[kind]
    parameters = tf.constant(np.random.default_rng(1).uniform(-0.2, 0.2, (4, warp.count)).astype(np.float32))
    np.testing.assert_allclose(lucas_kanade.PARAMETERS[kind](warp.matrix(parameters)), parameters, atol=1e-6)


def test_unknown_kinds_are_refused():
    image = tf.zeros((1, 16, 16))
    with pytest.raises(InputError, match="received 'bent'.*expected one of translation, rigid, affine, homography"):
        lucas_kanade.align(image, image, "bent")
    with pytest.raises(InputError, match="'sideways'.*inverse-compositional, forward-additive"):
        lucas_kanade.align(image, image, "rigid", "sideways")


def test_close_pairs_are_answered_with_a_rigid_transform():
    true = rigid([4.0, -3.0], [[2.0, -1.0], [0.5, 3.0]])
    inputs = {"fixed": render(true), "moving": render(np.stack([np.eye(3)] * 2))}
    found = lucas_kanade.answer(Problem("close", SIZE), inputs)
    np.testing.assert_allclose(found.angle, [4.0, -3.0], atol=0.1)
    np.testing.assert_allclose(found.shift, [[2.0, -1.0], [0.5, 3.0]], atol=0.1)

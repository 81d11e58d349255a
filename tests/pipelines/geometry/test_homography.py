"""Homographies against four points chosen by hand, and the sampler against finite differences."""

import numpy as np
import tensorflow as tf

from pipelines.geometry import homography
from pipelines.geometry.sampling import bilinear
from pipelines.geometry.warp import pulled
from pipelines.geometry.warp import warp as kernel_warp

SQUARE = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])  # top left, top right, bottom right, bottom left


def applied(matrix, points):
    """Where a homography takes points (n, 2), in float64."""
    lifted = np.concatenate([points, np.ones((len(points), 1))], 1) @ np.asarray(matrix, np.float64).T
    return lifted[:, :2] / lifted[:, 2:]


def test_four_points_give_their_homography():
    """Random homographies and their images of the corners of a 128 px frame: solved to 1e-5 of the frame."""
    rng = np.random.default_rng(0)
    true = np.eye(3) + rng.uniform(-1, 1, (200, 3, 3)) * [[0.2, 0.2, 20], [0.2, 0.2, 20], [1e-3, 1e-3, 0]]
    points = np.tile(homography.corners(128, 128)[None], (200, 1, 1))
    lifted = np.concatenate([points, np.ones((200, 4, 1))], 2) @ true.transpose(0, 2, 1)
    target = (lifted[..., :2] / lifted[..., 2:]).astype(np.float32)
    found = homography.from_points(tf.constant(points), tf.constant(target))
    np.testing.assert_allclose(homography.apply(found, points), target, atol=1e-5 * 128)
    zoom = np.array([64.0, 64.0, 1.0])
    np.testing.assert_allclose(found.numpy() / zoom[:, None] * zoom, true / zoom[:, None] * zoom, atol=1e-5)


def test_by_hand():
    """The unit square to a trapezoid: (x, y) -> (x, y) / (1 + y / 2) takes (0, 1) to (0, 2/3) and (1, 1) to (2/3, 2/3)."""
    square = [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]]
    trapezoid = [[[0.0, 0.0], [1.0, 0.0], [2 / 3, 2 / 3], [0.0, 2 / 3]]]
    found = homography.from_points(tf.constant(square), tf.constant(trapezoid))
    np.testing.assert_allclose(found[0], [[1, 0, 0], [0, 1, 0], [0, 0.5, 1]], atol=1e-6)
    back = homography.inverse(found)
    np.testing.assert_allclose(homography.apply(back, tf.constant(trapezoid)), square, atol=1e-6)


def test_moved_corners_by_hand():
    """A shift, a zoom by two, and the trapezoid of a plane seen at a slant, whose diagonals cross away from the centre."""
    side = 5  # corners at +-2
    moves = np.zeros((3, 4, 2), np.float32)
    moves[0] = [3.0, -1.0]
    moves[1] = 2.0 * SQUARE
    moves[2, 2:] = [[-1.0, 0.0], [1.0, 0.0]]  # the lower side half as long
    shifted, zoomed, slanted = homography.from_corner_moves(side, tf.constant(moves)).numpy()
    np.testing.assert_allclose(shifted, [[1, 0, 3], [0, 1, -1], [0, 0, 1]], atol=1e-6)
    np.testing.assert_allclose(zoomed, np.diag([2, 2, 1]), atol=1e-6)
    # The legs (-2, -2)-(-1, 2) and (2, -2)-(1, 2): the diagonals meet two thirds of the way down, at y = -2 + 4 * 2/3.
    np.testing.assert_allclose(applied(slanted, np.zeros((1, 2))), [[0.0, 2 / 3]], atol=1e-6)


def test_corners_go_where_they_are_moved():
    moves = np.random.default_rng(0).uniform(-16, 16, (200, 4, 2)).astype(np.float32)
    corners = 31.5 * SQUARE
    for matrix, move in zip(homography.from_corner_moves(64, tf.constant(moves)), moves):
        np.testing.assert_allclose(applied(matrix, corners), corners + move, atol=1e-3)


def test_rigid_transforms_there_and_back():
    angle, shift = np.float32([30.0, -170.0]), np.float32([[3.0, -4.0], [0.5, 9.0]])
    matrix = homography.from_rigid(angle, shift)
    # Counter-clockwise as displayed: the point on the right goes up, y pointing down.
    np.testing.assert_allclose(matrix[0, :2, 0], [np.cos(np.pi / 6), -0.5], atol=1e-6)
    found = homography.to_rigid(matrix)
    np.testing.assert_allclose(found[0], angle, atol=1e-4)
    np.testing.assert_allclose(found[1], shift)


def test_warp_agrees_with_the_kernel():
    rng = np.random.default_rng(1)
    images = tf.constant(rng.normal(size=(3, 20, 31)).astype(np.float32))
    angle, shift = np.float32([0.0, 25.0, -100.0]), np.float32([[2.5, 0.0], [1.0, -3.0], [0.25, 6.0]])
    expected = kernel_warp(images, angle, shift)
    np.testing.assert_allclose(
        pulled(images, homography.inverse(homography.from_rigid(angle, shift)), backend="gather"), expected, atol=1e-4
    )


def test_corner_error_by_hand():
    moved = homography.from_rigid(np.float32([0.0, 180.0]), np.float32([[3.0, 4.0], [0.0, 0.0]]))
    still = homography.from_rigid(np.float32([0.0, 0.0]), np.zeros((2, 2), np.float32))
    # A half turn about the centre moves a corner by the diagonal of the pixel centres.
    np.testing.assert_allclose(homography.corner_error(moved, still, 11, 11), [5.0, np.hypot(10, 10)], rtol=1e-5)


def test_sampler_by_hand():
    image = tf.constant([[[1.0, 2.0], [3.0, 7.0]]])
    points = tf.constant(
        [[[-0.5, -0.5], [0.5, 0.5], [0.0, 0.0], [0.5, 0.0], [1.0, 0.5], [9.0, 0.0], [np.nan, 0.0], [0.0, -np.inf]]]
    )
    np.testing.assert_allclose(bilinear(image, points), [[1.0, 7.0, 3.25, 4.5, 3.5, 0.0, 0.0, 0.0]], atol=1e-6)


def test_gradients_of_the_sampler_match_finite_differences():
    rng = np.random.default_rng(2)
    image = tf.constant(rng.normal(size=(2, 9, 7)).astype(np.float32))
    points = rng.uniform([-3.4, -4.4], [3.4, 4.4], (2, 40, 2))
    points = np.float32(np.floor(points) + np.clip(points - np.floor(points), 0.1, 0.9))  # away from the creases
    weight = tf.constant(rng.normal(size=(2, 40)).astype(np.float32))

    def value(points, image=image):
        return tf.reduce_sum(bilinear(image, points) * weight, 1)

    with tf.GradientTape() as tape:
        watched = [tf.constant(points), image]
        tape.watch(watched)
        total = value(*watched)
    by_point, by_image = tape.gradient(total, watched)
    for axis in range(2):
        step = np.zeros(2, np.float32)
        step[axis] = 1e-2
        slope = (bilinear(image, points + step) - bilinear(image, points - step)) / 2e-2 * weight
        np.testing.assert_allclose(by_point[..., axis], slope, atol=2e-3)
    change = rng.normal(size=image.shape).astype(np.float32)  # linear in the image: exact
    np.testing.assert_allclose(
        tf.reduce_sum(by_image * change, (1, 2)), value(tf.constant(points), tf.constant(change)), rtol=1e-4, atol=1e-4
    )


def test_gradients_reach_the_corners():
    """What an unsupervised homography network needs: the photometric loss tells the corners which way to go."""
    y, x = np.mgrid[:32, :32] - 15.5
    image = tf.constant(np.exp(-(x**2 + y**2) / 60.0)[None].astype(np.float32))
    source = homography.corners(32, 32)[None]
    offset = tf.Variable(tf.tile(tf.constant([[[2.0, 0.0]]]), (1, 4, 1)))  # all corners 2 px too far to the right
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.abs(pulled(image, homography.from_points(source + offset, source), backend="gather") - image))
    gradient = tape.gradient(loss, offset).numpy()
    assert np.isfinite(gradient).all() and gradient[..., 0].min() > 5.0 and abs(gradient[..., 1].sum()) < 0.1

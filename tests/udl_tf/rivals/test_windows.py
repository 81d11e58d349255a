"""Means over windows, against loops."""

import numpy as np
import tensorflow as tf

from udl_tf.rivals.windows import box_mean, node_mean


def test_means_are_those_of_the_pixels_that_are_there():
    images = np.random.default_rng(0).normal(size=(2, 3, 7, 9)).astype(np.float32)
    expected = np.empty_like(images)
    for y in range(7):
        for x in range(9):
            expected[..., y, x] = images[..., max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3].mean((-2, -1))
    np.testing.assert_allclose(box_mean(tf.constant(images), 5), expected, atol=1e-6)


def test_one_image_of_several_kinds():
    """A batch of one pair: TensorFlow 2.21 ends with a segmentation fault where a matrix is multiplied by (5, 1, 64, 64)."""
    images = np.random.default_rng(0).normal(size=(5, 1, 64, 64)).astype(np.float32)
    compiled = tf.function(lambda part: box_mean(part, 7), [tf.TensorSpec((5, None, 64, 64))], autograph=False)
    np.testing.assert_allclose(compiled(images)[:, 0], box_mean(images[:, 0], 7), atol=1e-6)


def test_means_around_nodes():
    """A grid 4 pixels apart around an image of 6 x 9: its nodes are at -3.5, 0.5, 4.5, 8.5 along y and at 0, 4, 8 along x."""
    images = np.random.default_rng(0).normal(size=(2, 3, 6, 9)).astype(np.float32)
    found = node_mean(tf.constant(images), 3, (4, 3), 4).numpy()
    assert found.shape == (2, 3, 4, 3) and np.all(found[..., [0, 3], :] == 0.0)
    for row, down in ((1, np.s_[0:3]), (2, np.s_[3:6])):
        for column, across in ((0, np.s_[0:2]), (1, np.s_[3:6]), (2, np.s_[7:9])):
            np.testing.assert_allclose(found[..., row, column], images[..., down, across].mean((-2, -1)), atol=1e-6)

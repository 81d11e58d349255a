"""Cubic B-splines against closed forms."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.geometry import splines


def test_a_constant_grid_is_that_constant_everywhere():
    control = tf.tile(tf.constant([3.0, -7.0]), [9 * 11])
    found = splines.dense(tf.reshape(control, (1, 9, 11, 2)), 8.0, 40, 60)
    np.testing.assert_allclose(found, np.broadcast_to(np.float32([3.0, -7.0]), (1, 40, 60, 2)), atol=1e-5)


def test_a_grid_that_grows_evenly_is_the_places_themselves():
    """Cubic B-splines reproduce straight lines: control points at their own places give every pixel its place."""
    spacing, (height, width) = 5.0, (21, 32)
    rows, columns = splines.controls(height, spacing), splines.controls(width, spacing)
    y, x = ((np.arange(count) - (count - 1) / 2) * spacing for count in (rows, columns))
    control = np.stack(np.meshgrid(x, y), -1)[None].astype(np.float32)
    found = splines.dense(tf.constant(control), spacing, height, width)[0].numpy()
    np.testing.assert_allclose(found[..., 0], np.broadcast_to(np.arange(width) - 15.5, (height, width)), atol=1e-5)
    np.testing.assert_allclose(found[..., 1], np.broadcast_to(np.arange(height)[:, None] - 10.0, (height, width)), atol=1e-5)


def test_one_control_point_is_the_spline_of_the_books():
    """At its middle 4/6, at its neighbours 1/6, halfway 23/48, beyond two spacings nothing."""
    control = np.zeros((1, 9, 9, 2), np.float32)
    control[0, 4, 4, 0] = 36.0
    found = splines.dense(tf.constant(control), 4.0, 21, 21)[0, :, :, 0].numpy()
    np.testing.assert_allclose(found[10, [2, 6, 8, 10, 12, 14, 18]], [0.0, 4.0, 11.5, 16.0, 11.5, 4.0, 0.0], atol=1e-5)
    np.testing.assert_allclose(found[6, 6], 1.0, atol=1e-5)


def test_control_points_that_do_not_reach_beyond_the_image_are_refused():
    assert splines.controls(64, 8.0) == 11
    with pytest.raises(InputError, match="received 10 control points 8 pixels apart, expected 11 or more for 64 pixels"):
        splines.dense(tf.zeros((1, 11, 10, 2)), 8.0, 64, 64)

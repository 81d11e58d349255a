"""The transforms of a graph against those of NumPy."""

import numpy as np
import tensorflow as tf

from pipelines.geometry import frame_tensors, frames

ANGLE, SHIFT = np.array([-151.0, 0.3, 90.0]), np.array([[3000.25, -7.0], [0.0, 1e-4], [-12.5, 40.0]])
OTHER = np.array([40.0, -179.9, 0.0]), np.array([[5.0, 6.0], [-700.0, 0.5], [0.0, 0.0]])
FIXED, MOVING = (1500, 2001), (33, 48)


def test_they_are_those_of_frames():
    tensors, sizes = (tf.constant(ANGLE), tf.constant(SHIFT)), [tf.constant(size) for size in (FIXED, MOVING)]
    other = tf.constant(OTHER[0]), tf.constant(OTHER[1])
    points = np.array([3.0, -4.5]), np.array([700.0, 2.0])
    for found, expected in (
        (frame_tensors.turned(*tensors), frames.turned(ANGLE, SHIFT)),
        (frame_tensors.pixel_maps(*tensors, *sizes), frames.pixel_maps(ANGLE, SHIFT, FIXED, MOVING)[:, :2]),
        (frame_tensors.moved_centres(*tensors, *points), frames.moved_centres(ANGLE, SHIFT, *points)),
        (frame_tensors.error(*tensors, other, sizes[0]), frames.error(ANGLE, SHIFT, OTHER, FIXED)),
        *zip(frame_tensors.compose(tensors, other), frames.compose((ANGLE, SHIFT), OTHER), strict=True),
    ):
        assert found.dtype == tf.float64
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-9)

"""Charts and examples that TensorBoard is shown, by hand."""

import numpy as np
import pytest
import tensorflow as tf

from udl_tf.networks.build import build
from udl_tf.training import board_pictures

BOX = 64


def test_ring_weights_are_drawn_where_they_are(small_config):
    network = build(small_config)
    frequency, weight = board_pictures.ring_weights(network)
    np.testing.assert_allclose(frequency, np.arange(11) / BOX)  # the band of 10 cycles per box
    weight = np.where(np.arange(11) == 5, 1.0, 0.0).astype(np.float32)
    network.get_layer("correlation").log_weight.assign(weight)
    np.testing.assert_array_equal(board_pictures.ring_weights(network)[1], weight)
    chart = board_pictures.rings((frequency, weight), (frequency, 0.0 * weight)).astype(int)
    blue = chart[..., 2] - chart[..., 0] > 60
    # the middle of the axis, which runs from 40 to 292; the peak is four pixels below the frame's top at 20
    assert np.flatnonzero(blue[:30].any(0)).mean() == pytest.approx(166, abs=1.0)
    assert np.flatnonzero(blue.any(1))[0] == pytest.approx(24, abs=1)


def test_the_predicted_and_the_true_angle_are_marked():
    correlation = np.zeros((1, 90), np.float32)
    chart = board_pictures.curves(correlation, np.array([90.0]), np.array([315.0]), 360.0)[:, :300].astype(int)
    blue = np.flatnonzero(chart[100, :, 2] - chart[100, :, 0] > 90)
    orange = np.flatnonzero(chart[30, :, 0] - chart[30, :, 2] > 90)
    assert blue.mean() == pytest.approx(40 + 252 * 0.75, abs=1.0)  # 90 degrees of -180 to 180
    assert orange.mean() == pytest.approx(40 + 252 * 0.375, abs=1.0)  # -45 degrees


def test_examples_are_turned_and_moved_as_predicted():
    images = np.zeros((2, BOX, BOX), np.float32)
    images[:, 31:33, 51:53] = 1.0  # 20 pixels right of the centre
    inputs = {"fixed": images, "moving": images}
    correlation = np.zeros((2, 4), np.float32)
    correlation[:, 1] = 1.0
    shift = np.zeros((2, 4, 2), np.float32)
    shift[:, 1] = (0.0, 10.0)  # downwards, at the best of the angles
    output = {"correlation": tf.constant(correlation), "shift": tf.constant(shift)}
    seen = board_pictures.examples(inputs, np.array([90.0, 0.0]), np.array([np.nan, 1.0]), output, BOX)[..., 0]
    assert seen.shape == (144, 2 * 3 * 128)  # fixed, moving, turned; twice

    def spot(column):
        tile = seen[16:, column * 128 : (column + 1) * 128]
        return np.argwhere(tile > 128).mean(0) / 2 - 31.75  # (down, right) from the centre, pixels of the image

    np.testing.assert_allclose(spot(1), (0, 20), atol=0.5)
    np.testing.assert_allclose(spot(2), (-20 + 10, 0), atol=0.5)  # counter-clockwise, to the top, then down
    np.testing.assert_allclose(spot(5), (10, 20), atol=0.5)

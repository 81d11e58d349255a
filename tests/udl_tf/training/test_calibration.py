"""The constant C, measured without truth."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.pairs.disturb import Disturb
from udl_tf.training.calibration import calibrate


def bars(count, size=33):
    """One bright spot to the right of the centre, turned by a different angle in each image."""
    grid = geometry.centred_grid(size, size)
    spots = geometry.rotate_points(tf.linspace(0.0, 300.0, count), tf.constant([[9.0, 0.0]])).numpy()
    return tf.constant([np.exp(-np.sum((grid - spot) ** 2, -1) / 8.0) for spot in spots], tf.float32)


def spot_angle(images):
    """Angle of the bright spot, degrees counter-clockwise from the right."""
    x, y = np.moveaxis(np.einsum("bhw,hwc->bc", images, geometry.centred_grid(33, 33)), -1, 0)
    return np.degrees(np.arctan2(-y, x))


def network_with(constant, scatter=0.0):
    rng = np.random.default_rng(0)

    def angles(inputs):
        truth = spot_angle(inputs["fixed"]) - spot_angle(inputs["moving"])
        return tf.constant(truth + constant + scatter * rng.normal(size=truth.shape), tf.float32)

    return angles


@pytest.mark.parametrize(("constant", "period"), [(0.0, 360.0), (25.0, 360.0), (-170.0, 360.0), (80.0, 180.0), (100.0, 180.0)])
def test_a_known_constant_is_recovered(constant, period):
    result = calibrate(network_with(constant), [bars(8), bars(5)], Disturb(0.0), period, seed=1)
    assert abs(geometry.wrap_degrees(result.bias_deg - constant, period)) < 0.3
    assert -period / 2 <= result.bias_deg <= period / 2
    assert result.spread_deg < 1.0 and result.count == 26


def test_the_spread_is_the_standard_deviation():
    result = calibrate(network_with(40.0, 8.0), [bars(200)], Disturb(0.0), 360.0)
    assert abs(result.spread_deg - 8.0) < 1.2 and abs(result.bias_deg - 40.0) < 2.0


def test_no_images_is_an_error():
    with pytest.raises(InputError):
        calibrate(network_with(0.0), [], Disturb(0.0), 360.0)

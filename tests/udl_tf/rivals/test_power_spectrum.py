"""The Fourier baseline on pictures whose pose is exact by construction."""

import numpy as np
import pytest

from pipelines import geometry
from pipelines.errors import InputError
from udl_tf.networks.polar import PolarConfig, polar
from udl_tf.rivals import power_spectrum

ANGLES = np.float32([0.0, 25.3, -100.0, 179.0, 60.0])
SHIFTS = np.float32([[0.0, 0.0], [4.0, -6.0], [-3.0, 2.5], [7.0, 1.0], [-2.0, -8.0]])


@pytest.mark.parametrize("weights", power_spectrum.WEIGHTS)
def test_finds_known_poses_over_the_full_circle(weights, picture):
    moving = np.repeat(picture(0.0, [[0.0, 0.0]]), len(ANGLES), 0)
    found = power_spectrum.align(picture(ANGLES, SHIFTS), moving, weights, batch=3)
    assert geometry.angular_distance(found.angle, ANGLES).max() < 1.0
    assert np.linalg.norm(found.shift - SHIFTS, axis=1).max() < 0.5


def test_stays_within_the_shift_allowed(picture):
    moving = picture(0.0, [[0.0, 0.0]])
    found = power_spectrum.align(picture(30.0, [[9.0, 0.0]]), moving, max_shift=4.0)
    assert np.linalg.norm(found.shift) < 5.5  # a grid of 2 pixels, and a parabola


def test_falling_weights_are_those_an_untrained_network_begins_with():
    """The same formula in other units: k exp(-(k/8)^2/2) of k cycles per box is its start for 128 px, but for one factor."""
    ours = power_spectrum.untrained(128).get_layer("features").log_weight.numpy()
    start = polar(PolarConfig(), 128).get_layer("features").log_weight.numpy()
    np.testing.assert_allclose(ours - ours[0], start - start[0], atol=1e-5)


def test_unknown_weights_are_refused(picture):
    with pytest.raises(InputError, match="'steep', expected one of falling, equal"):
        power_spectrum.align(picture(0.0, [[0.0, 0.0]]), picture(0.0, [[0.0, 0.0]]), "steep")

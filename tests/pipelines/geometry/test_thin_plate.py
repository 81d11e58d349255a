"""Thin-plate splines against closed forms, and against SciPy's where it is installed."""

import math

import numpy as np
import pytest
import tensorflow as tf

from pipelines.geometry import thin_plate

RNG = np.random.default_rng(0)
PLACES = RNG.uniform(-40.0, 40.0, (2, 12, 2))
POINTS = RNG.uniform(-60.0, 60.0, (2, 30, 2))


def test_an_affine_map_is_that_map_everywhere_and_bends_nothing():
    matrix, shift = RNG.normal(size=(2, 2, 2)), RNG.normal(size=(2, 1, 2)) * 9.0
    spline = thin_plate.fitted(PLACES, PLACES @ matrix + shift)
    np.testing.assert_allclose(thin_plate.at(spline, POINTS), POINTS @ matrix + shift, atol=1e-5)
    np.testing.assert_allclose(thin_plate.bending(spline), 0.0, atol=1e-6)


def test_it_goes_through_its_values_and_past_them_where_it_is_smoothed():
    values = RNG.normal(size=(2, 12, 2))
    np.testing.assert_allclose(thin_plate.at(thin_plate.fitted(PLACES, values), PLACES), values, atol=1e-5)
    smoothed = thin_plate.fitted(PLACES, values, smoothing=1e8)  # the affine map of least squares is left
    plane = np.concatenate([np.ones((2, 12, 1)), PLACES], -1)
    expected = np.stack([rows @ np.linalg.lstsq(rows, value, rcond=None)[0] for rows, value in zip(plane, values)])
    np.testing.assert_allclose(thin_plate.at(smoothed, PLACES), expected, atol=1e-4)


@pytest.mark.parametrize("size", [1.0, 7.0])
def test_a_saddle_by_hand(size):
    """Heights 1, -1, 1, -1 at (s, 0), (0, s), (-s, 0), (0, -s).

    All weights are +-a, no plane: ``a (U(2 s) - 2 U(sqrt(2) s)) = a s^2 (4 - 2) log 2 = 1`` (what else grows with log s adds up
    to nothing), and the energy is ``8 pi`` times the sum of the four weights times their heights: ``16 pi / (s^2 log 2)``.
    """
    corners = size * np.float64([[[1, 0], [0, 1], [-1, 0], [0, -1]]])
    spline = thin_plate.fitted(corners, np.float64([1, -1, 1, -1]).reshape(1, 4, 1))
    np.testing.assert_allclose(thin_plate.bending(spline), 16.0 * math.pi / (size**2 * math.log(2.0)), rtol=1e-6)
    np.testing.assert_allclose(thin_plate.at(spline, [[[0.0, 0.0], [size, size]]])[0, :, 0], 0.0, atol=1e-6)


def test_what_is_not_there_does_not_count():
    values, there = RNG.normal(size=(2, 12, 2)), np.ones((2, 12), bool)
    there[1, 3:7] = False
    found = thin_plate.at(thin_plate.fitted(PLACES, values, there), POINTS)[1]
    alone = thin_plate.at(thin_plate.fitted(PLACES[1:, there[1]], values[1:, there[1]]), POINTS[1:])[0]
    np.testing.assert_allclose(found, alone, atol=1e-5)


def test_places_on_a_line_or_none_still_have_an_answer():
    line = np.stack([np.arange(5.0), 2.0 * np.arange(5.0)], -1)[None]
    found = thin_plate.at(thin_plate.fitted(line, 3.0 * line), line)
    np.testing.assert_allclose(found, 3.0 * line, atol=1e-3)
    nothing = thin_plate.fitted(line, line, np.zeros((1, 5), bool))
    np.testing.assert_allclose(thin_plate.at(nothing, line), 0.0, atol=1e-6)


def test_it_is_the_spline_of_scipy():
    interpolate = pytest.importorskip("scipy.interpolate")
    values = tf.constant(RNG.normal(size=(2, 12, 2)))
    found = thin_plate.at(thin_plate.fitted(PLACES, values, smoothing=20.0), POINTS)
    for row in range(2):
        expected = interpolate.RBFInterpolator(PLACES[row], values[row].numpy(), smoothing=20.0)(POINTS[row])
        np.testing.assert_allclose(found[row], expected, atol=1e-5)

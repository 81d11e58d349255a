"""Errors of answers, computed by hand."""

import numpy as np
import pytest

from pipelines.geometry.transforms import Homography, Rigid
from udl_tf.tables import protocol, scores


def moved(x, y):
    return np.float32([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def test_angles_are_compared_modulo_the_period_of_the_table():
    answer, truth = Rigid(np.float32([10.0, 100.0, -179.0]), np.zeros((3, 2))), {"angle": np.float32([350.0, -75.0, 179.0])}
    np.testing.assert_allclose(scores.errors(protocol.table("1"), answer, truth, 64), [20.0, 175.0, 2.0], atol=1e-4)
    np.testing.assert_allclose(scores.errors(protocol.table("2"), answer, truth, 64), [20.0, 5.0, 2.0], atol=1e-4)


def test_homographies_are_compared_by_where_they_take_the_corners():
    answer = Homography(np.stack([moved(3.0, 4.0), moved(1.0, 1.0)]))
    truth = {"homography": np.stack([moved(0.0, 0.0), moved(1.0, -1.0)])}
    found = scores.errors(protocol.table("homography"), answer, truth, 64)
    np.testing.assert_allclose(found, [5.0, 2.0], atol=1e-4)


def test_of_a_sequence_the_mean_over_its_frames_counts():
    answer = Homography(np.stack([moved(0.0, 0.0), moved(3.0, 4.0), moved(0.0, 1.0)]))
    truth = {"homography": np.stack([[moved(0.0, 0.0)] * 3])}
    np.testing.assert_allclose(scores.errors(protocol.table("tracking"), answer, truth, 64), [2.0], atol=1e-4)


@pytest.mark.parametrize(("name", "expected"), [("1", 90.0), ("2", 45.0)])
def test_chance_is_the_mean_error_of_angles_at_random(name, expected):
    table, rng = protocol.table(name), np.random.default_rng(0)
    answer, truth = (
        Rigid(rng.uniform(-180.0, 180.0, 20_000), np.zeros((20_000, 2))),
        {"angle": rng.uniform(-180.0, 180.0, 20_000)},
    )
    assert scores.chance(table, truth, 64) == expected
    assert scores.errors(table, answer, truth, 64).mean() == pytest.approx(expected, rel=0.02)


def test_chance_of_homographies_is_the_error_of_the_identity():
    truth = {"homography": np.stack([moved(3.0, 4.0), moved(0.0, 1.0)])}
    assert scores.chance(protocol.table("homography"), truth, 64) == pytest.approx(3.0, abs=1e-4)


def test_converged_is_below_four_fifths_of_chance_and_finite():
    assert scores.converged(np.array([71.0, 72.0]), 90.0)
    assert not scores.converged(np.array([72.0, 73.0]), 90.0)
    assert not scores.converged(np.array([1.0, np.nan]), 90.0)


def test_summary_by_hand():
    found = scores.summary(np.arange(101.0))
    assert found == {"mean": 50.0, "median": 50.0, "p95": 95.0}

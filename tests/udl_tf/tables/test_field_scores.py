"""What is told of fields and of matches, by hand."""

import numpy as np
import pytest

from pipelines.geometry.transforms import Affine, Displacement, Rigid
from udl_tf.rivals.consensus import Matched
from udl_tf.rivals.problem import Problem
from udl_tf.tables import field_scores, match_scores, protocol, scores
from udl_tf.tables.cases import Case

RNG = np.random.default_rng(0)


def constant(*vectors, side=16):
    return np.stack([np.broadcast_to(np.float32(vector), (side, side, 2)) for vector in vectors])


def test_the_error_of_a_field_is_its_mean_distance_from_the_true_one():
    found, truth = Displacement(constant([3.0, 0.0], [1.0, 1.0])), {"displacement": constant([0.0, 4.0], [1.0, -1.0])}
    table = protocol.table("deformable")
    np.testing.assert_allclose(scores.errors(table, found, truth, 16), [5.0, 2.0], atol=1e-5)
    assert scores.chance(table, truth, 16) == pytest.approx((4.0 + np.sqrt(2.0)) / 2.0, rel=1e-5)


def test_other_transforms_and_coarser_fields_are_compared_at_the_pixels_too():
    half = Affine(np.float32([[[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]]))  # a point of fixed is found half as far from the centre
    grid = np.stack(np.meshgrid(np.arange(16) - 7.5, np.arange(16) - 7.5), -1)[None].astype(np.float32)
    assert field_scores.distances(half, -0.5 * grid).max() < 1e-5
    assert field_scores.distances(Displacement.of(half, 16, 16, 3.0), -0.5 * grid).max() < 1e-4


def test_folds_correlation_and_the_worst_points():
    fixed = RNG.normal(size=(2, 16, 16)).astype(np.float32)
    moving = np.roll(fixed, 3, 2)  # 3 pixels further right
    truth = constant([3.0, 0.0], [3.0, 0.0])
    folded = truth.copy()
    folded[1, 8, 8, 0] = -5.0  # the pixel is found beyond its left neighbour: both cells there fold
    case = Case(Problem("deformable", 16), {"fixed": fixed, "moving": moving}, {"displacement": truth}, ())
    found = field_scores.measures(case, Displacement(folded))
    assert found["folded"] == pytest.approx(100.0 * 2 / 450, rel=1e-5)
    assert found["correlation"] > 0.98 and found["p95"] == pytest.approx(0.0, abs=1e-5)
    better = field_scores.measures(case, Displacement(truth))
    assert better["correlation"] == pytest.approx(1.0, abs=1e-6) and better["folded"] == 0.0


def test_matches_are_right_within_three_pixels_of_the_truth():
    truth = Rigid(np.float32([90.0, 0.0]), np.float32([[0.0, 0.0], [4.0, 0.0]]))
    middle = 15.5
    moving = [np.float32([[5.0, 0.0], [0.0, 7.0]]) + middle, np.zeros((0, 2), np.float32)]
    fixed = [np.float32([[0.0, -5.0], [7.0, 4.0]]) + middle, np.zeros((0, 2), np.float32)]  # the second is 4 pixels off
    answer = Rigid(np.float32([91.0, -2.0]), np.float32([[0.0, 0.0], [0.0, 3.0]]))
    case = Case(Problem("features", 32), {}, {"angle": truth.angle, "shift": truth.shift}, ())
    found = match_scores.measures(case, Matched(answer, fixed, moving, []))
    assert found == pytest.approx({"correct": 25.0, "matches": 1.0, "shift": 2.5, "solved": 50.0})

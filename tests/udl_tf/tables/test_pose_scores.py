"""Scores of poses, by hand."""

import collections

import numpy as np

from pipelines.geometry.transforms import Rigid
from udl_tf.tables import cases, pose_scores

TRUTH = {"angle": np.float32([10.0, -20.0, 0.0, 179.5]), "shift": np.zeros((4, 2), np.float32)}
CASE = cases.Case(None, None, TRUTH, ())


def test_a_pair_is_solved_where_both_are_within_a_degree_and_a_pixel():
    found = Rigid([10.5, -20.5, 2.0, -179.9], [[0.6, 0.0], [0.0, 3.0], [0.0, 0.0], [0.0, 0.4]])
    told = pose_scores.measures(CASE, found)
    assert told["solved"] == 50.0 and told["walked"] is None
    np.testing.assert_allclose(told["shift"], 1.0, rtol=1e-5)
    walked = collections.namedtuple("Walked", "transform steps")(found, np.array([1, 2, 3, 6]))
    assert pose_scores.measures(CASE, walked) == {**told, "walked": 3.0}

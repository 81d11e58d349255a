"""How far an answer is from the truth, and when a method is said not to have converged."""

import numpy as np

from pipelines import geometry
from pipelines.geometry import homography
from udl_tf.tables import field_scores

NEAR_CHANCE = 0.8  # of the mean error of an answer that knows nothing: above it a trained method has not converged


def errors(table, answer, truth, side):
    """The error of each pair, float64 (n,): degrees modulo the table's period, else the mean distance of corners or fields, px.

    Args:
        table: `protocol.Table`.
        answer: `Rigid` of n rows; of tables without a period `Homography`, of sequences with f frames of n f rows.
        truth: dict of ``angle`` (n,), of ``homography`` (n, 3, 3) or (n, f, 3, 3), or of ``displacement`` (n, side, side, 2).
        side: of the image or patch whose corners count, pixels.
    """
    if table.period:
        return geometry.angular_distance(np.asarray(answer.angle, np.float64), truth["angle"], table.period)
    if "displacement" in truth:
        return field_scores.distances(answer, truth["displacement"]).mean(1, dtype=np.float64)
    return _corners(answer.matrix, truth["homography"], side)


def chance(table, truth, side):
    """Mean error of an answer that knows nothing: an angle at random, or the identity."""
    if table.period:
        return table.period / 4.0
    if "displacement" in truth:
        return float(np.linalg.norm(truth["displacement"], axis=-1).mean())
    true = np.asarray(truth["homography"])
    return float(_corners(np.broadcast_to(np.eye(3, dtype=np.float32), true.shape), true, side).mean())


def converged(error, chance_level):
    """Whether errors (n,) say that a trained method has learnt anything."""
    return bool(np.isfinite(error).all() and np.mean(error) <= NEAR_CHANCE * chance_level)


def summary(error):
    """Mean, median and 95th percentile of errors (n,); NaN where one is not finite."""
    error = np.asarray(error, np.float64)
    return {"mean": float(error.mean()), "median": float(np.median(error)), "p95": float(np.percentile(error, 95))}


def _corners(found, true, side):
    """Mean distance of the corners over all but the first axis, float64 (n,)."""
    true = np.asarray(true, np.float32)
    flat = (np.asarray(found, np.float32).reshape(-1, 3, 3), true.reshape(-1, 3, 3))
    distance = homography.corner_error(*flat, side, side).numpy().astype(np.float64)
    return distance.reshape(len(true), -1).mean(1)

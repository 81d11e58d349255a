"""Inliers that grow (Yang et al. 2018): places are brought onto their matches, first by the surest of these, then by more.

The places of moving are drawn from Gaussians around the moved places of fixed, or from anywhere; expectation-maximisation finds
how the places move together (Myronenko and Song 2010, coherent point drift). A match that counts says of its own two places that
they belong together; one that does not count yet may belong to any place. A match is asked for its sureness: the threshold is
lowered step by step, until all count.
"""

import dataclasses
import math

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Growth:
    """How places move, and how inliers grow.

    Attributes:
        first: share of the matches that count at first. stages: of the threshold. steps: of the expectation-maximisation at each.
        sure: probability that the places of a match that counts belong together, where they are no outliers.
        reach, width: of the Gaussian process of the displacements: standard deviation and length, shares of the longer side.
        drift: standard deviation of the affine part of the displacements, at the middle of a side, share of the longer side.
        outliers: their share at first. floor: smallest standard deviation of matches, pixels between nodes.
    """

    first: float = 0.1
    stages: int = 5
    steps: int = 4
    sure: float = 0.9
    reach: float = 0.03
    width: float = 0.3
    drift: float = 0.1
    outliers: float = 0.6
    floor: float = 0.05


def grown(fixed, moving, sure, side, apart, growth):
    """Where places move, by those of their matches that agree.

    Args:
        fixed, moving: float32 (batch, m, 2), matched places, pixels from the centre. sure: (batch, m), 0 where there is none.
        side: of the images, the longer one, pixels. apart: pixels between nodes. growth: `Growth`.

    Returns:
        float32 (batch, m, 2), where the places of fixed are in moving; and the probability (batch, m) that a match is an inlier.
    """
    there = tf.cast(sure > 0.0, tf.float64)
    fixed, moving = (there[..., None] * tf.cast(part, tf.float64) for part in (fixed, moving))
    count = tf.maximum(tf.reduce_sum(there, 1), 1.0)[:, None, None]  # (batch, 1, 1)
    kernel = (growth.reach * side) ** 2 * tf.exp(-0.5 * _apart(fixed, fixed) / (growth.width * side) ** 2)
    plane = 1.0 + tf.matmul(fixed, fixed, transpose_b=True) / (0.5 * side) ** 2
    kernel += (growth.drift * side) ** 2 * plane  # (batch, m, m), covariance of displacements
    pairs = there[:, :, None] * there[:, None]
    own = tf.linalg.diag(there)
    surest, least = _surest(sure, there, growth.first), tf.reduce_min(tf.where(sure > 0.0, sure, 1.0), 1)
    floor = (growth.floor * apart) ** 2
    area = tf.cast(side, tf.float64) ** 2

    def posterior(moved, variance, outliers, counts):
        """(batch, place of fixed, place of moving)."""
        believed = (
            counts[:, None] * (growth.sure * own + (1.0 - growth.sure) * pairs / count) + (1.0 - counts[:, None]) * pairs / count
        )
        away = _apart(moved, moving)
        variance = variance[:, None, None]
        like = believed * tf.exp(-0.5 * away / variance) * (1.0 - outliers)[:, None, None]
        from_anywhere = 2.0 * math.pi * variance * outliers[:, None, None] / area
        return like / (tf.reduce_sum(like, 1, keepdims=True) + from_anywhere + 1e-300)

    def threshold(step):
        done = tf.cast(step // growth.steps, sure.dtype) / max(growth.stages - 1, 1)
        return surest + done * (least - surest)

    def improve(step, moved, variance, outliers):
        counts = tf.cast(sure >= threshold(step)[:, None], tf.float64)
        belongs = posterior(moved, variance, outliers, counts)
        weight = tf.reduce_sum(belongs, 2)  # (batch, m)
        pull = tf.matmul(belongs, moving) - weight[..., None] * fixed
        system = weight[..., None] * kernel + tf.linalg.diag(tf.zeros_like(weight) + variance[:, None])
        solved = tf.linalg.inv(system)
        moved = fixed + tf.matmul(kernel, tf.matmul(solved, pull))
        unsure = variance[:, None] * tf.reduce_sum(kernel * tf.linalg.matrix_transpose(solved), 2)  # of each coordinate
        away = _apart(moved, moving) + 2.0 * unsure[..., None]
        total = tf.reduce_sum(belongs, (1, 2))
        variance = tf.maximum(tf.math.divide_no_nan(tf.reduce_sum(belongs * away, (1, 2)), 2.0 * total), floor)
        outliers = tf.clip_by_value(1.0 - total / count[:, 0, 0], 0.01, 0.99)
        return step + 1, moved, variance, outliers

    away = tf.reduce_sum(tf.cast(sure >= surest[:, None], tf.float64) * tf.reduce_sum((moving - fixed) ** 2, -1) * there, 1)
    variance = tf.maximum(0.5 * away / tf.maximum(growth.first * count[:, 0, 0], 1.0), floor)
    outliers = tf.zeros_like(variance) + growth.outliers
    state = (0, fixed, variance, outliers)
    _, moved, variance, outliers = tf.while_loop(lambda step, *_: step < growth.stages * growth.steps, improve, state)
    belongs = posterior(moved, variance, outliers, there)
    return tf.cast(moved, tf.float32), tf.cast(tf.linalg.diag_part(belongs), tf.float32)


def _surest(sure, there, share):
    """The sureness (batch,) that a share of the matches has, or more."""
    ordered = tf.sort(sure, 1, "DESCENDING")
    last = tf.cast(tf.math.ceil(share * tf.reduce_sum(there, 1)), tf.int32) - 1
    return tf.gather(ordered, tf.maximum(last, 0), batch_dims=1)


def _apart(a, b):
    """Squared distances of points (batch, n, 2) from others (batch, m, 2): (batch, n, m)."""
    return sum((a[:, :, None, axis] - b[:, None, :, axis]) ** 2 for axis in (0, 1))

"""Inliers that grow, on places whose matches are known."""

import numpy as np
import pytest
import tensorflow as tf

from udl_tf.rivals.features import growing
from udl_tf.rivals.features.growing import Growth, grown

SIDE = 64.0


@pytest.fixture(scope="module")
def matched():
    """Two pairs, places bent by up to 4 pixels and matched to 0.2 pixels; every third match leads anywhere. Half are surer."""
    rng = np.random.default_rng(3)
    fixed = rng.uniform(-30.0, 30.0, (2, 120, 2))
    truth = fixed + 3.0 * np.stack([np.sin(fixed[..., 1] / 14.0), np.cos(fixed[..., 0] / 16.0)], -1)
    moving = truth + rng.normal(0, 0.2, truth.shape)
    wrong = np.broadcast_to(np.arange(120) % 3 == 0, (2, 120))
    moving[wrong] = rng.uniform(-30.0, 30.0, (wrong.sum(), 2))
    sure = np.where(wrong, rng.uniform(0.01, 0.4, wrong.shape), rng.uniform(0.2, 0.9, wrong.shape))
    sure[1, 100:] = 0.0  # nothing is matched there
    fixed, truth, moving, sure = (np.float32(part) for part in (fixed, truth, moving, sure))
    return fixed, truth, moving, sure, wrong


def test_the_planted_outliers_are_found_and_the_bend(matched):
    fixed, truth, moving, sure, wrong = matched
    moved, likely = (part.numpy() for part in grown(*map(tf.constant, (fixed, moving, sure)), SIDE, 4.0, Growth()))
    there, lucky = sure > 0.0, np.linalg.norm(moving - truth, axis=-1) < 1.0
    assert (likely[~there] == 0.0).all()
    assert ((likely > 0.5) == ~wrong)[there & ~(wrong & lucky)].mean() > 0.98
    away = np.linalg.norm(moved - truth, axis=-1)[there & ~wrong]
    assert away.mean() < 0.2 and np.linalg.norm(moving - truth, axis=-1)[there].mean() > 5.0


def test_a_wide_shift_is_found_though_most_matches_are_wrong():
    rng = np.random.default_rng(5)
    fixed = np.float32(rng.uniform(-30.0, 30.0, (1, 100, 2)))
    moving = fixed + np.float32([12.0, -7.0])
    moving[:, 40:] = rng.uniform(-30.0, 30.0, (60, 2))
    sure = np.float32(np.where(np.arange(100) < 40, 0.5, 0.3) + rng.uniform(0, 0.15, (1, 100)))
    moved, likely = (part.numpy() for part in grown(*map(tf.constant, (fixed, moving, sure)), SIDE, 4.0, Growth()))
    np.testing.assert_allclose((moved - fixed)[:, :40], np.broadcast_to([12.0, -7.0], (1, 40, 2)), atol=0.1)
    assert (likely[:, :40] > 0.5).all() and (likely[:, 40:] > 0.5).mean() < 0.05


def test_the_threshold_begins_at_the_surest_share():
    sure = tf.constant([[0.9, 0.1, 0.5, 0.3], [0.0, 0.2, 0.0, 0.4]])
    there = tf.cast(sure > 0.0, tf.float64)
    np.testing.assert_allclose(growing._surest(sure, there, 0.5), [0.5, 0.4])  # two of four, one of two


def test_nothing_matched_moves_nothing():
    zeros = tf.zeros((1, 10, 2))
    moved, likely = grown(zeros, zeros + 5.0, tf.zeros((1, 10)), SIDE, 4.0, Growth())
    assert (moved.numpy() == 0.0).all() and (likely.numpy() == 0.0).all()

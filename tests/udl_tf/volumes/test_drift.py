"""What is white along the sections is taken out, what is slow is kept, and how much of each there is comes from the path."""

import numpy as np
import pytest

from udl_tf.volumes.drift import RUN, _innovations, separate, white_part


def walk(count, step, seed):
    """A path whose steps have the standard deviation `step` and hang together as those of tissue do."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, step, (count - 1, 2))
    for z in range(1, count - 1):
        steps[z] = RUN * steps[z - 1] + np.sqrt(1 - RUN**2) * steps[z]
    return np.concatenate([np.zeros((1, 2)), np.cumsum(steps, 0)])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_jitter_is_told_from_drift(seed):
    jitter = np.random.default_rng(seed + 50).normal(0, 2, (200, 2))
    found = separate(walk(200, 0.3, seed) + jitter, 0.3, np.ones(200, bool))
    assert found.size == pytest.approx(2.0, rel=0.15)
    error = np.sqrt(np.square(found.moved - jitter).mean())
    assert error == pytest.approx(np.sqrt(np.square(found.sigma).mean()), rel=0.25) and error < 0.7
    np.testing.assert_allclose(found.moved + found.kept, walk(200, 0.3, seed) + jitter)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_only_drifts_stays(seed):
    found = separate(walk(200, 0.3, seed), 0.3, np.ones(200, bool))
    assert np.abs(found.moved).max() < 0.2 and found.size < 0.2


def test_many_axes_tell_both_sizes():
    jitter = np.random.default_rng(60).normal(0, 1.5, (150, 8))
    path = np.concatenate([walk(150, 0.3, seed) for seed in range(4)], 1)
    found = separate(path + jitter, None, np.ones(150, bool))
    assert found.size == pytest.approx(1.5, rel=0.1) and found.step == pytest.approx(0.3, rel=0.2)
    still = separate(path, None, np.ones(150, bool))
    assert still.step == pytest.approx(0.3, rel=0.1) and np.abs(still.moved).max() < 0.1


def test_the_answer_is_that_of_the_normal_distribution():
    """The mean and variance of x given y, from the two covariances written out: another way to the same numbers."""
    count, s, t = 30, 1.7, 0.4
    path = walk(count, t, 7) + np.random.default_rng(8).normal(0, s, (count, 2))
    found = separate(path, t, np.ones(count, bool))
    lag = np.abs(np.subtract.outer(np.arange(count - 1), np.arange(count - 1)))
    sums = np.tril(np.ones((count, count - 1)), -1)
    drift = sums @ (t**2 * RUN**lag) @ sums.T + 1e7  # a start anywhere
    gain = found.size**2 * np.linalg.inv(drift + found.size**2 * np.eye(count))
    np.testing.assert_allclose(found.moved, gain @ path, atol=1e-4)
    variance = found.size**2 * (np.eye(count) - gain).diagonal()
    np.testing.assert_allclose(found.sigma, np.sqrt(variance), rtol=1e-3)


def test_innovations_have_variance_one():
    rows = _innovations(40)
    lag = np.abs(np.subtract.outer(np.arange(39), np.arange(39)))
    sums = np.tril(np.ones((40, 39)), -1)
    np.testing.assert_allclose(rows @ sums @ RUN**lag @ sums.T @ rows.T, np.eye(39), atol=1e-9)


def test_a_step_that_stays_is_bridged():
    """The stage jumped by 30 pixels: neighbours lie on one another again, and far away both sides are where they were."""
    path = np.zeros((120, 2)) + np.random.default_rng(4).normal(0, 1.0, (120, 2))
    path[60:, 0] += 30
    kept = separate(path, 0.5, np.ones(120, bool)).kept
    assert np.abs(np.diff(kept[:, 0])).max() < 8 and kept[119, 0] - kept[0, 0] > 25


def test_sections_that_are_not_known_stay():
    path = np.random.default_rng(2).normal(0, 2, (20, 2))
    known = np.arange(20) != 7
    path[7] = 500
    found = separate(path, 0.2, known)
    assert (found.moved[7] == 0).all() and np.abs(found.moved).max() < 8
    np.testing.assert_allclose(white_part(20, found.size, found.step, known) @ path, found.moved, atol=1e-9)
    assert np.isfinite(separate(path, 0.2, np.zeros(20, bool)).sigma).all()


@pytest.mark.parametrize("count", [2, 3])
def test_few_sections(count):
    found = separate(np.arange(2.0 * count).reshape(count, 2), 0.1, np.ones(count, bool))
    assert np.isfinite(found.moved).all() and np.isfinite(found.sigma).all()

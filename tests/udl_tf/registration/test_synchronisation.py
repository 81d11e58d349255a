"""Poses of a series from pairs: exact ones, noisy ones with their error bars, wrong ones."""

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.geometry import frames
from udl_tf.registration.series import pairs_of
from udl_tf.registration.synchronisation import synchronise


@pytest.fixture
def truth():
    random = np.random.default_rng(2)
    return np.cumsum(random.normal(0, 20.0, 40)), np.cumsum(random.normal(0, 3.0, (40, 2)), 0)


def measured(truth, noise, seed=0):
    """(first, second, angle, shift, sigma, score) of pairs one to three apart."""
    angle, shift = truth
    first, second = np.array(pairs_of(40, strides=(1,))[0]).T
    back = frames.inverse(angle[first], shift[first])
    turn, move = frames.compose((angle[second], shift[second]), back)
    random = np.random.default_rng(seed)
    turn, move = turn + random.normal(0, 0.1 * noise, turn.shape), move + random.normal(0, noise, move.shape)
    sigma = np.stack([np.full(len(first), 0.1 * noise), np.full(len(first), noise)], 1)
    return first, second, turn, move, sigma, np.ones(len(first))


def errors(poses, truth, anchor=0):
    angle, shift = truth
    expected = frames.compose((angle, shift), frames.inverse(angle[anchor], shift[anchor]))
    return frames.error(poses.angle, poses.shift, expected, (100, 100))


@pytest.mark.parametrize("anchor", [0, 17])
def test_exact_pairs_give_exact_poses(truth, anchor):
    poses = synchronise(*measured(truth, 0.0), 40, anchor)
    assert errors(poses, truth, anchor).max() < 1e-6
    assert poses.angle[anchor] == 0.0 and (poses.shift[anchor] == 0.0).all() and poses.shift_sigma[anchor, 0] == 0.0


def test_the_mean_stays_where_it_is(truth):
    small = truth[0] * 0.01, truth[1]
    poses = synchronise(*measured(small, 0.0), 40, None)
    assert abs(poses.angle.mean()) < 1e-9 and np.abs(poses.shift.mean(0)).max() < 1e-9
    one, other = synchronise(*measured(small, 0.0), 40, 0), poses
    relative = frames.compose((other.angle, other.shift), frames.inverse(other.angle[0], other.shift[0]))
    assert frames.error(*relative, (one.angle, one.shift), (100, 100)).max() < 1e-6


def test_error_bars_are_those_of_least_squares(truth):
    small = truth[0] * 0.0, truth[1]  # without turns the shifts are plain least squares
    away = [synchronise(*measured(small, 0.05, seed), 40).shift[39] - (small[1][39] - small[1][0]) for seed in range(60)]
    first, second, *_ = measured(small, 0.05)
    rows = np.zeros((len(first), 39))  # an independent count: the design matrix without the anchor
    for row, (a, b) in enumerate(zip(first, second)):
        rows[row, b - 1] = 1.0
        if a:
            rows[row, a - 1] = -1.0
    expected = 0.05 * np.sqrt(np.linalg.inv(rows.T @ rows)[38, 38])
    assert synchronise(*measured(small, 0.05), 40).shift_sigma[39, 0] == pytest.approx(expected, rel=0.2)
    assert np.std(away) == pytest.approx(expected, rel=0.25)


def test_wrong_pairs_lose_their_say(truth):
    first, second, angle, shift, sigma, score = measured(truth, 0.02)
    wrong = np.arange(4, len(first), 9)
    angle[wrong] += 25.0
    shift[wrong] += 12.0
    poses = synchronise(first, second, angle, shift, sigma, score, 40)
    assert errors(poses, truth).max() < 0.5
    assert poses.agreement[wrong].max() < 0.01 and np.median(poses.agreement) > 0.8


def test_a_picture_that_nothing_is_known_of_goes_with_its_neighbours(truth):
    first, second, angle, shift, sigma, score = measured(truth, 0.0)
    lost = (first == 9) | (second == 9)
    sigma[lost], angle[lost], shift[lost] = np.inf, 0.0, 0.0
    poses = synchronise(first, second, angle, shift, sigma, score, 40)
    assert np.delete(errors(poses, truth), 9).max() < 1e-3


def test_a_picture_without_pairs_is_told():
    with pytest.raises(InputError, match="picture 3 of the series has no pair"):
        synchronise([0], [1], [0.0], [[0.0, 0.0]], [[1.0, 1.0]], [1.0], 3)

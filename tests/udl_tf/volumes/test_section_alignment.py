"""From sections to poses: pairs that are right, a graph that outvotes, drift that is kept."""

import dataclasses

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.geometry import frames
from udl_tf.registration.result import Registration
from udl_tf.volumes.alignment import align_sections, poses_of
from udl_tf.volumes.section_pairs import SectionPairs, compare_sections

SIZE = (112, 128)


def nobody():
    raise AssertionError("neighbours that lie near one another need no aligner")


def truth(angle, shift, first, second):
    """What brings a section onto another one, both moved by known poses."""
    return frames.compose(frames.inverse(angle[second], shift[second]), (angle[first], shift[first]))


@pytest.fixture(scope="module")
def pairs(shaken):
    return compare_sections(nobody, lambda number: shaken[0][number], 12)


def test_neighbours_lie_where_they_were_put(pairs, shaken):
    _, angle, shift = shaken
    near = np.flatnonzero(pairs.second - pairs.first == 1)
    expected = truth(angle, shift, pairs.first, pairs.second)
    found = pairs.registration
    error = frames.error(found.angle, found.shift, expected, SIZE)
    assert len(near) == 11 and error[near].max() < 1.5  # the tissue itself runs
    assert found.score.min() > 0.9
    assert list(zip(pairs.first, pairs.second))[:5] == [(0, 1), (1, 2), (0, 2), (2, 3), (1, 3)]


def test_jitter_is_taken_out(pairs, shaken):
    _, angle, shift = shaken
    found = poses_of(pairs, 12)
    left = frames.compose((angle, shift), (found.angle, found.shift))
    before, after = np.diff(shift, axis=0), np.diff(left[1], axis=0)
    assert np.sqrt(np.square(after).mean()) < 0.35 * np.sqrt(np.square(before).mean())
    assert np.abs(np.diff(left[0])).mean() < 0.35 * np.abs(np.diff(angle)).mean()
    assert not len(found.failed) and found.score.min() > 0.5 and found.correlation.min() > 0.5


def test_a_section_that_shows_nothing_is_bridged_and_told(shaken):
    """Between its neighbours pairs two and three apart hold the volume together."""
    volume = shaken[0][:8].copy()
    volume[3] = 90
    pairs = compare_sections(nobody, lambda number: volume[number], 8)
    assert (2, 5) in set(zip(pairs.first, pairs.second)) and (5, 7) in set(zip(pairs.first, pairs.second))
    found = poses_of(pairs, 8)
    assert found.failed.tolist() == [3] and found.angle[3] == 0 and (found.shift[3] == 0).all()
    left = frames.compose((shaken[1][:8], shaken[2][:8]), (found.angle, found.shift))[1]
    assert np.linalg.norm(left[4] - left[2]) < 2.0


def made_pairs(angle, shift, apart=(1, 2, 3)):
    """Pairs of sections that were moved by known poses, without an error."""
    chosen = [(i, i + k) for k in apart for i in range(len(angle) - k)]
    first, second = np.array(chosen).T
    turn, move = truth(angle, shift, first, second)
    n = len(chosen)
    covariance = np.tile(np.diag([0.02**2, 0.05**2, 0.05**2]), (n, 1, 1))
    return SectionPairs(
        first, second, Registration(turn, move, covariance, np.ones(n), np.ones(n), np.ones(n), (200, 200), (200, 200))
    )


def test_wrong_pairs_are_outvoted():
    rng = np.random.default_rng(3)
    angle, shift = rng.normal(0, 1, 60), rng.normal(0, 2, (60, 2))
    right = poses_of(made_pairs(angle, shift), 60)
    pairs = made_pairs(angle, shift)
    moved = pairs.registration.shift.copy()
    moved[[10, 30, 80]] += [25.0, -14.0]
    found = poses_of(dataclasses.replace(pairs, registration=dataclasses.replace(pairs.registration, shift=moved)), 60)
    assert np.abs(found.shift - right.shift).max() < 0.1 and np.abs(found.angle - right.angle).max() < 0.02


def test_two_hundred_sections_are_not_made_straight():
    """Tissue that bends by 60 pixels, shaken: the bend stays to 1.5 pixels on average over twenty sections."""
    rng = np.random.default_rng(9)
    bend = 30 * np.sin(np.linspace(0, 2 * np.pi, 200))[:, None] * [1.0, 0.4]
    jitter = rng.normal(0, 2, (200, 2))
    # What pairs see of tissue that runs to the right is a section that was moved to the right.
    found = poses_of(made_pairs(np.zeros(200), jitter + bend), 200)
    left = jitter + found.shift
    slow = np.stack([np.convolve(axis, np.ones(20) / 20, "valid") for axis in left.T], 1)
    assert np.linalg.norm(slow - slow.mean(0), axis=1).max() < 1.5
    assert np.linalg.norm(left, axis=1).mean() < 0.5 * np.linalg.norm(jitter, axis=1).mean()


def test_more_is_kept_when_told_so():
    rng = np.random.default_rng(3)
    pairs = made_pairs(rng.normal(0, 1, 60), rng.normal(0, 2, (60, 2)))
    moved = [np.abs(poses_of(pairs, 60, keep).shift).mean() for keep in (0.05, 1.0, 20.0)]
    assert moved[0] > moved[1] > moved[2]


def test_what_is_no_volume_is_refused():
    with pytest.raises(InputError, match="a volume of 1 sections: expected two or more"):
        align_sections(nobody, lambda number: np.zeros((32, 32)), 1)
    with pytest.raises(InputError, match="no two neighbouring sections"):
        align_sections(nobody, lambda number: np.zeros((32, 32)), 3)

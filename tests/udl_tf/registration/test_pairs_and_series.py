"""From pictures to poses with an aligner that knows nothing of them."""

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.geometry import frames
from udl_tf.registration.pairs import register_pair
from udl_tf.registration.proposal import propose
from udl_tf.registration.pyramid import Pyramid
from udl_tf.registration.series import pairs_of, register_series


@pytest.mark.parametrize("k", [1, 3])
def test_a_pair_over_the_full_circle(views, aligner, k):
    pictures, truth = views
    found = register_pair(aligner, pictures[0], pictures[k])
    assert frames.error(found.angle, found.shift, truth[k], (200, 240))[0] < 0.004
    assert found.score[0] > 0.5 * aligner.align(pictures[0][:, 20:220], pictures[k][:, 20:220]).score[0]
    assert found.transform.covariance.shape == (1, 3, 3) and 0.5 < found.overlap[0] < 1.0


def test_a_wrong_pair_is_not_believed(views, aligner):
    from pipelines.pictures.scenes import Scene

    other = Scene(240, seed=8).seen(0.0, (0.0, 0.0), (200, 240))
    assert register_pair(aligner, views[0][0], other).score[0] < 0.1


@pytest.mark.parametrize("whole", [False, True])
def test_a_proposal_is_about_the_centres_of_both_frames(views, whole):
    """An oracle in the aligner's place: it answers about the squares that it is given."""
    fixed, moving = views[0][0][:, :201], views[0][0][7:180, 11:]
    seen = {}

    class Oracle:
        def align(self, fixed, moving, report):
            seen["shapes"] = fixed.shape, moving.shape
            nothing = np.zeros(1)
            return type("Found", (), {"angle": nothing, "shift": np.zeros((1, 2)), "score": nothing + 0.7})

    found = propose(Oracle(), [Pyramid(fixed)], [Pyramid(moving)], whole)
    side = 229 if whole else 173
    assert seen["shapes"] == ((1, side, side), (1, side, side)) and found.score[0] == 0.7
    # The squares lie on one another: so do their middles, wherever in the frames these are.
    corners = [np.array([(w - side) // 2, (h - side) // 2]) for h, w in (fixed.shape, moving.shape)]
    expected = (corners[0] - frames.centre(fixed.shape)) - (corners[1] - frames.centre(moving.shape))
    np.testing.assert_allclose(found.shift[0], expected)


@pytest.fixture(scope="module")
def movie(scene):
    random = np.random.default_rng(6)
    angle, shift = np.cumsum(random.normal(0, 0.4, 12)), np.cumsum(random.normal(0, 0.8, (12, 2)), 0)
    frames_of = [scene.seen(a, s, (160, 180)) for a, s in zip(angle, shift)]
    noise = random.normal(0, 5, (12, 160, 180))
    return (np.stack(frames_of) * 100 + 2000 + 100 * noise).astype(np.uint16), angle, shift


def errors(found, movie, anchor=0):
    back = frames.inverse(movie[1], movie[2])
    truth = frames.compose(back, (movie[1][anchor], movie[2][anchor]))
    return frames.error(found.poses.angle, found.poses.shift, truth, (160, 180))


def test_a_series_does_not_add_up_errors(movie, aligner):
    told = []
    found = register_series(aligner, lambda i: movie[0][i], 12, tell=lambda done, of: told.append((done, of)))
    assert errors(found, movie).max() < 0.03
    assert found.poses.angle[0] == 0.0 and (found.poses.shift[0] == 0.0).all()
    assert found.pairs == 11 + 10 + 9 + 1 == told[-1][0] == told[-1][1] and not len(found.failed)
    alone = register_series(aligner, lambda i: movie[0][i], 12, neighbours_only=True)
    assert alone.pairs == 11 and errors(alone, movie).max() < 0.05
    assert found.poses.shift_sigma[-1, 0] < 0.7 * alone.poses.shift_sigma[-1, 0]


def test_a_blank_picture_is_passed_over_and_told(movie, aligner):
    frames_of = movie[0][:6].copy()
    frames_of[2] = 7
    found = register_series(aligner, lambda i: frames_of[i], 6)
    assert found.failed.tolist() == [2] and found.score[2] == 0.0
    short = movie[0][:6], movie[1][:6], movie[2][:6]
    assert np.delete(errors(found, short), 2).max() < 0.03


def test_pairs_of_a_series():
    near, far, *none = pairs_of(18)
    assert near[:3] == [(0, 1), (0, 2), (0, 3)] and len(near) == 17 + 16 + 15
    assert far == [(0, 8), (0, 16), (8, 16)] and none == [[], []]


def test_one_picture_is_no_series(aligner):
    with pytest.raises(InputError, match="expected two or more"):
        register_series(aligner, lambda i: np.zeros((32, 32)), 1)

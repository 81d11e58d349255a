"""The polish of photographs: scenes that go on beyond the frame, turned and moved exactly."""

import numpy as np
import pytest
import tensorflow as tf

from udl_tf.alignment.frame_polish import FramePolish
from udl_tf.alignment.verification import Verified

SIZE = 64


# Of hypotheses: a turn and a shift that every pair may have.
OTHERS = np.array([90.0, -90.0, 180.0]), np.zeros((3, 2))


@pytest.fixture(scope="module")
def polished():
    """Images, a transform, evidence, and others that all pairs have, to `Frame` in NumPy."""
    polish = FramePolish(SIZE)

    @tf.function(reduce_retracing=True)
    def graph(fixed, moving, angle, shift, evidence, others, moves, shared):
        nothing = tf.zeros_like(angle)
        found = Verified(angle, shift, evidence, nothing, nothing - 7.0, nothing, nothing)
        return polish(fixed, moving, SIZE, found, (others, moves), shared, 16.0)

    def call(fixed, moving, angle, shift, evidence=1e3, others=OTHERS, shared=False):
        count = len(angle)
        every = [np.broadcast_to(np.asarray(one, np.float64)[None], (count, *np.shape(one))) for one in others]
        parts = fixed, moving, angle, shift, np.full(count, evidence), *every
        found = graph(*(tf.constant(part, tf.float32) for part in parts), tf.fill([count], shared))
        return type(found)(*(part.numpy() for part in found))

    return call


def scene(picture, level, count=24, seed=0):
    """Pairs (fixed, moving) with noise, and their truth."""
    rng = np.random.default_rng(seed)
    spots = np.concatenate(
        [rng.uniform(-0.9, 0.9, (200, 2)), rng.uniform(0.015, 0.06, (200, 1)), rng.uniform(-1, 1, (200, 1))], 1
    )
    angle, shift = rng.uniform(-180, 180, count), rng.uniform(-6, 6, (count, 2))
    pair = picture(angle, shift, SIZE, spots), picture(np.zeros(count), np.zeros((count, 2)), SIZE, spots)
    return [(images + rng.normal(0, level, images.shape)).astype(np.float32) for images in pair], angle, shift


def errors(found, angle, shift):
    return np.abs((found.angle - angle + 180) % 360 - 180), np.hypot(*(found.shift - shift).T)


def test_clean_pairs_are_exact(polished, picture):
    images, angle, shift = scene(picture, 0.0)
    found = polished(*images, angle + 1.0, shift + 0.7)
    turn, move = errors(found, angle, shift)
    assert turn.max() < 0.05 and move.max() < 0.05
    assert np.all(found.variance < 0.01)


def test_texture_as_fine_as_a_pixel_is_exact(polished):
    """White as noise is, but both have it: cut from one picture at whole pixels."""
    large = np.random.default_rng(5).normal(size=(16, SIZE + 8, SIZE + 8)).astype(np.float32)
    fixed, moving = large[:, 4:-4, 4:-4], large[:, 6:-2, 1:-7]
    found = polished(fixed, moving, np.full(16, 0.3), np.tile([-3.2, 1.8], (16, 1)))
    turn, move = errors(found, np.zeros(16), np.array([-3.0, 2.0]))
    assert np.median(turn) < 0.01 and turn.max() < 0.2 and np.median(move) < 0.06
    assert found.signs[:, 2].min() > 0.9  # the correlation
    assert found.signs[:, 3].min() > 0.6  # what both share of the highest frequencies, less what chance could give


@pytest.mark.parametrize("level", [0.1, 0.3])
def test_noisy_pairs_are_improved_and_know_how_far_off_they_are(polished, picture, level):
    images, angle, shift = scene(picture, level, 60)
    found = polished(*images, angle + 1.0, shift + 0.7)
    turn, move = errors(found, angle, shift)
    assert turn.mean() < 0.5 and move.mean() < 0.3
    spread, predicted = np.sqrt(np.mean(turn**2)), np.sqrt(np.median(found.variance))
    assert 0.3 < spread / predicted < 3.0, (spread, predicted)


def test_pairs_with_nothing_in_common_are_finite(polished):
    fixed, moving = np.random.default_rng(0).normal(size=(2, 5, SIZE, SIZE))
    moving[1] = 0.0
    angle = np.linspace(-170, 170, 5)
    found = polished(fixed, moving, angle, np.zeros((5, 2)))
    assert all(np.isfinite(part).all() for part in found)
    starts = np.stack([angle, *(np.full(5, other) for other in OTHERS[0])])
    assert np.all(np.abs((found.angle - starts + 180) % 360 - 180).min(0) < 20.0) and np.hypot(*found.shift.T).max() < 25.0


def test_pairs_do_not_see_each_other(polished, picture):
    images, angle, shift = scene(picture, 0.05, 4)
    together = polished(*images, angle + 1.0, shift)
    images[0][2], images[1][3] = np.random.default_rng(1).normal(size=(SIZE, SIZE)), 0.0
    found = polished(*images, angle + 1.0, shift)
    for one, other in zip(together, found):
        np.testing.assert_allclose(one[:2], other[:2], rtol=1e-3, atol=1e-3)


def turned(picture, angle, shift, level, count=8):
    """Pairs of one pose, each with other noise."""
    rng = np.random.default_rng(5)
    spots = np.concatenate(
        [rng.uniform(-0.9, 0.9, (200, 2)), rng.uniform(0.015, 0.06, (200, 1)), rng.uniform(-1, 1, (200, 1))], 1
    )
    poses = np.full(count, angle), np.tile(np.array(shift, float), (count, 1))
    pair = picture(*poses, SIZE, spots), picture(np.zeros(count), np.zeros((count, 2)), SIZE, spots)
    return [(one + rng.normal(0, level, one.shape)).astype(np.float32) for one in pair], *poses


@pytest.mark.parametrize("evidence", [10.0, 1e3], ids=["little evidence", "unlike"])
def test_another_hypothesis_wins_where_the_overlap_says_so(polished, picture, evidence):
    """The transform given is wrong by 60 degrees; the right one, roughly, is among the others."""
    images, angle, shift = turned(picture, 70.0, (6.0, -5.0), 0.2)
    others = np.array([-20.0, 67.0, 160.0]), np.array([[0.0, 0.0], [5.0, -4.0], [3.0, 3.0]])
    found = polished(*images, angle - 60.0, shift * 0.0, evidence, others)
    turn, move = errors(found, angle, shift)
    assert turn.max() < 1.0 and move.max() < 1.0
    assert found.lead.min() > 5.0  # of log-likelihood, over the second best
    without = polished(*images, angle - 60.0, shift * 0.0, evidence)
    assert errors(without, angle, shift)[0].min() > 5.0


def test_where_the_evidence_is_large_and_the_overlap_agrees_nothing_else_is_tried(polished, picture):
    images, angle, shift = turned(picture, 70.0, (2.0, -1.0), 0.1)
    found = polished(*images, angle + 1.0, shift)
    assert np.all(found.lead == -7.0) and errors(found, angle, shift)[0].max() < 0.5


def test_nothing_else_is_tried_where_images_share_something_as_they_lie(polished, picture):
    """A pattern of the sensor makes images most alike where they lie; the first transform stays where that is suspected."""
    images, angle, shift = turned(picture, 70.0, (2.0, -1.0), 0.3)
    pattern = np.random.default_rng(6).normal(0, 3.0, images[0].shape[1:])
    images = [one + pattern for one in images]
    others = np.zeros(3), np.zeros((3, 2))
    fooled, found = (polished(*images, angle, shift, 10.0, others, shared) for shared in (False, True))
    assert np.abs(fooled.angle).max() < 4.0
    assert errors(found, angle, shift)[0].max() < 10.0

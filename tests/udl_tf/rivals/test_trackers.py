"""Trackers: a step of Deep-LK against plain Lucas-Kanade, training, and following what moves as it was told to."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.geometry import homography
from pipelines.pairs import tracking
from pipelines.pictures import ArrayPictures, dead_leaves
from udl_tf.rivals import deep_lk, goturn, lucas_kanade
from udl_tf.rivals.tracking import PlainLK, corner_distance, cut, track

SIDE = 32


@pytest.fixture(scope="module")
def sequence():
    made = tracking.sequence(dead_leaves.dead_leaves(1, 112, seed=3)[0], 1, 32, size=80, patch=SIDE, appearance="constant")
    return tracking.Sequence(made.frames[:8], made.places[:8])


def farthest(found, true):
    """Largest corner distance over the frames, pixels."""
    return corner_distance(*(tf.constant(part, tf.float32) for part in (found, true)), SIDE).numpy().max()


def identity(images):
    """Features that are the grey values."""
    return images


@pytest.mark.parametrize("kind", lucas_kanade.WARPS)
@pytest.mark.parametrize("steps", (1, 4))
def test_with_grey_values_for_features_it_is_plain_lucas_kanade(kind, steps, sequence):
    """The frames are larger than the patch: nothing lies outside, and both have the same regressor."""
    place = tf.eye(3)[None]
    patch = cut(sequence.frames[:1], place, SIDE)
    frame = tf.constant(sequence.frames[1:2])
    expected, _ = lucas_kanade.align(patch, frame, kind, steps=steps)
    model = deep_lk.DeepLK(identity, SIDE, kind, steps=steps)
    found = model.locate(patch, frame, place)
    assert farthest(found, tf.eye(3)[None]) > 0.1
    np.testing.assert_allclose(found, homography.inverse(expected), atol=2e-3 * [1.0, 0.01][kind == "homography"], rtol=1e-3)


def test_the_regressor_undoes_a_small_shift_exactly():
    """A ramp's features change by the shift times the slope: R f + b is that shift in halves of the patch."""
    ramp = np.tile(np.arange(SIDE + 8, dtype=np.float32), (SIDE + 8, 1))
    frame = tf.constant(np.stack([ramp + 3 * ramp.T**2 / 40, ramp]))  # the second says nothing about y
    model = deep_lk.DeepLK(identity, SIDE, "translation", steps=10)
    patch = cut(frame, tf.eye(3, batch_shape=[2]), SIDE)
    start = homography.from_rigid([0.0, 0.0], [[2.0, 0.0], [2.0, 0.0]])
    found = model.locate(patch, frame, start)
    np.testing.assert_allclose(found[:, :2, 2], np.zeros((2, 2)), atol=0.05)


def test_what_lies_outside_the_frame_says_nothing():
    """At the border of the frame a third of the patch is unseen; the rest is enough."""
    image = dead_leaves.dead_leaves(1, 64, seed=8) / 50.0
    model = deep_lk.DeepLK(identity, SIDE, "translation", steps=40)
    true = homography.from_rigid([0.0], [[26.0, 0.0]])
    patch = cut(np.pad(image, [[0, 0], [32, 32], [32, 32]]), true, SIDE)
    patch = tf.where(cut(tf.ones_like(image), true, SIDE) > 0.999, patch, tf.roll(image[:, :SIDE, :SIDE], 5, 2))
    found = model.locate(patch, tf.constant(image), homography.from_rigid([0.0], [[24.5, 1.0]]))
    assert farthest(found, true) < 0.3


@pytest.mark.parametrize(("module", "steps", "share"), [(deep_lk, 12, 0.97), (goturn, 60, 0.7)])
def test_training_lowers_the_loss(module, steps, share):
    """On one batch, again and again: enough for a wrong gradient, and a matter of seconds."""
    tf.keras.utils.set_random_seed(1)
    crops = ArrayPictures(dead_leaves.dead_leaves(4, 96, seed=1), batch=8, patch=SIDE, seed=0).crops()
    inputs, truth = next(iter(tracking.pairs(crops, 0, SIDE, SIDE, "rigid")))
    data = tf.data.Dataset.from_tensors((inputs, truth)).repeat()
    model = module.build(SIDE, "small", "rigid")
    model.train_steps = 2  # of Deep-LK
    before = model.pair_loss(inputs, truth)
    model.compile(optimizer=tf.keras.optimizers.Adam(module.LEARNING_RATE["small"]), run_eagerly=module is deep_lk)
    history = model.fit(data, steps_per_epoch=steps, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert model.pair_loss(inputs, truth) < share * before
    angle, matrix = model.angles(inputs), model.homographies(inputs)
    np.testing.assert_allclose(angle, homography.to_rigid(matrix)[0], atol=1e-3)


def test_an_untrained_regressor_says_that_nothing_has_moved(sequence):
    model = goturn.build(SIDE, "small")
    places = tracking.matrices([[5.0, 2.0, -1.0, 0, 0, 0, 0, 0]], SIDE)
    found = model.locate(cut(sequence.frames[:1], places, SIDE), sequence.frames[1:2], places)
    np.testing.assert_allclose(found, places, atol=0.1)


@pytest.mark.parametrize("make", [lambda: PlainLK(SIDE), lambda: deep_lk.DeepLK(identity, SIDE)])
def test_lucas_kanade_follows_a_sequence(make, sequence):
    model = make()
    found = track(model, sequence.frames, sequence.places[0])
    assert found.shape == (8, 3, 3)
    np.testing.assert_array_equal(found[0], sequence.places[0])
    assert farthest(sequence.places[:1].repeat(8, 0), sequence.places) > 4.0
    assert farthest(found, sequence.places) < 1.0


def test_several_sequences_are_followed_at_once(sequence):
    both = np.stack([sequence.frames, sequence.frames[:1].repeat(8, 0)])
    model = PlainLK(SIDE)
    found = track(model, both, np.stack([sequence.places[0]] * 2))
    assert found.shape == (2, 8, 3, 3)
    np.testing.assert_allclose(found[0], track(model, sequence.frames, sequence.places[0]), atol=1e-3)
    np.testing.assert_allclose(found[1], np.eye(3)[None].repeat(8, 0), atol=1e-3)


def test_the_first_patch_is_kept_or_renewed():
    """A tracker that tells what it was shown: frame t is all t."""

    class Recorder:
        side, seen = 4, []

        def locate(self, patches, frames, places):
            self.seen.append((float(patches[0, 0, 0]), float(frames[0, 0, 0])))
            return places

    frames = np.float32([0, 1, 2])[:, None, None] * np.ones((3, 8, 8), np.float32)
    for renews, expected in ((False, [(0, 1), (0, 2)]), (True, [(0, 1), (1, 2)])):
        recorder = Recorder()
        recorder.renews, recorder.seen = renews, []
        track(recorder, frames, np.eye(3))
        assert recorder.seen == expected


def test_corner_distance_by_hand():
    moved = homography.from_rigid([0.0, 180.0], [[3.0, 4.0], [0.0, 0.0]])
    found = corner_distance(moved, tf.eye(3, batch_shape=[2]), 11)
    np.testing.assert_allclose(found, [5.0, np.hypot(10, 10)], rtol=1e-4)


def test_what_is_asked_wrongly_is_refused(sequence):
    with pytest.raises(InputError, match="received 'huge', expected one of small, paper"):
        deep_lk.build(SIDE, "huge")
    with pytest.raises(InputError, match="received 'huge', expected one of small, paper"):
        goturn.build(SIDE, "huge")
    with pytest.raises(InputError, match="warp 'bent', expected one of translation"):
        deep_lk.build(SIDE, "small", "bent")
    with pytest.raises(InputError, match=r"start \(2, 3, 3\)"):
        track(PlainLK(SIDE), sequence.frames, sequence.places[:2])

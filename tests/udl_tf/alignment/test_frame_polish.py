"""The polish of photographs: scenes that go on beyond the frame, turned and moved exactly."""

import numpy as np
import pytest
import tensorflow as tf

from udl_tf.alignment.frame_polish import FramePolish

SIZE = 64


@pytest.fixture(scope="module")
def polished():
    polish = FramePolish(SIZE)
    signature = [
        tf.TensorSpec((None, SIZE, SIZE)),
        tf.TensorSpec((None, SIZE, SIZE)),
        tf.TensorSpec((None,)),
        tf.TensorSpec((None, 2)),
    ]
    graph = tf.function(polish, input_signature=signature)

    def call(*parts):
        found = graph(*(tf.constant(part, tf.float32) for part in parts))
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
    assert np.all(np.abs((found.angle - angle + 180) % 360 - 180) < 20.0) and np.hypot(*found.shift.T).max() < 25.0


def test_pairs_do_not_see_each_other(polished, picture):
    images, angle, shift = scene(picture, 0.05, 4)
    together = polished(*images, angle + 1.0, shift)
    images[0][2], images[1][3] = np.random.default_rng(1).normal(size=(SIZE, SIZE)), 0.0
    found = polished(*images, angle + 1.0, shift)
    for one, other in zip(together, found):
        np.testing.assert_allclose(one[:2], other[:2], rtol=1e-3, atol=1e-3)

"""Quicksilver: patches that make up a field again, pairs and momenta that turn together, a training that reduces its loss."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from udl_tf.rivals.deformable import momentum_targets, patches, quicksilver
from udl_tf.rivals.deformable.momentum import MomentumGrid
from udl_tf.rivals.pair_model import compiled
from udl_tf.rivals.windows import box_mean

RNG = np.random.default_rng(5)
SIDE, NODES = 32, 12
WIDTHS = (4, 6, 8, 8)


def smooth(*shape):
    return box_mean(RNG.normal(size=shape).astype(np.float32), 5).numpy()


PICTURES = 4.0 * smooth(3, 2, SIDE, SIDE).transpose(0, 2, 3, 1)
MOMENTA = smooth(3, 2, NODES, NODES).transpose(0, 2, 3, 1)


@pytest.fixture(scope="module")
def built():
    """A model that learns how three pictures are shifted by (2, -1) pixels: half a node against x, a quarter along y."""
    tf.keras.utils.set_random_seed(2)
    moving = PICTURES[..., 1]
    images = np.stack([np.roll(moving, (1, -2), (1, 2)), moving], -1)
    momenta = np.broadcast_to(np.float32([-0.5, 0.25]), MOMENTA.shape)
    networks = [quicksilver.network(quicksilver.PATCH, 4, WIDTHS) for _ in range(2)]
    model = quicksilver.MomentumModel(SIDE, *networks, lambda: (tf.constant(images), tf.constant(momenta)))
    return compiled(model, "small", 5e-3, 25)


def pair(images):
    return {"fixed": tf.constant(images[..., 0]), "moving": tf.constant(images[..., 1])}


@pytest.mark.parametrize(("size", "expected"), [(20, [0, 6, 12]), (12, [0, 4]), (8, [0]), (36, [0, 6, 11, 17, 22, 28])])
def test_patches_begin_at_the_border_and_evenly(size, expected):
    assert patches.starts(size, 8, 6).tolist() == expected


def test_patches_of_a_field_are_assembled_to_the_field():
    places = patches.starts(20, 8, 6)
    field = RNG.normal(size=(2, 20, 20, 3)).astype(np.float32)
    found = patches.cut(tf.constant(field), places, 8)
    assert found.shape == (2, 3, 3, 8, 8, 3)
    np.testing.assert_array_equal(found[:, 1, 2], field[:, 6:14, 12:20])
    np.testing.assert_allclose(patches.assembled(found, places, 20), field, atol=1e-6)


def test_where_patches_overlap_their_mean_counts():
    places = np.array([0, 2])
    found = patches.assembled(
        tf.constant(np.float32([1.0, 2.0, 3.0, 6.0]).reshape(1, 2, 2, 1, 1, 1) * np.ones((4, 4, 1), "f")), places, 6
    )
    expected = np.repeat(np.repeat(np.float32([[1.0, 1.5, 2.0], [2.0, 3.0, 4.0], [3.0, 4.5, 6.0]]), 2, 0), 2, 1)
    np.testing.assert_allclose(found[0, ..., 0], expected, atol=1e-6)


def test_pairs_and_momenta_turn_together():
    """What a turned momentum shoots to is the turned field, and by hand: a quarter turn, x to y and y to minus x."""
    grid = MomentumGrid(SIDE, SIDE)
    choices = tf.constant([[True, False, False], [False, True, True], [True, True, False]])
    images, momenta = momentum_targets.turned(tf.constant(PICTURES), tf.constant(MOMENTA), choices)
    _, fields = momentum_targets.turned(tf.constant(PICTURES), grid.field(tf.constant(MOMENTA)), choices)
    np.testing.assert_allclose(grid.field(momenta), fields, atol=1e-5)
    np.testing.assert_array_equal(images[0], PICTURES[0].transpose(1, 0, 2))
    np.testing.assert_array_equal(images[1], PICTURES[1][::-1, ::-1])
    np.testing.assert_array_equal(momenta[1], -MOMENTA[1][::-1, ::-1])
    np.testing.assert_array_equal(images[2], np.rot90(PICTURES[2], -1))
    np.testing.assert_array_equal(momenta[2], np.rot90(MOMENTA[2], -1)[..., ::-1] * np.float32([-1.0, 1.0]))


def test_targets_are_the_momenta_of_the_first_pairs(monkeypatch):
    monkeypatch.setattr(momentum_targets.lddmm, "momenta", lambda fixed, moving, levels: (fixed - moving)[:, ::4, ::4, None])
    data = tf.data.Dataset.from_tensor_slices((pair(PICTURES), np.zeros(3))).batch(2).repeat()
    images, momenta = momentum_targets.targets(data, 5)
    np.testing.assert_array_equal(images, PICTURES[[0, 1, 2, 0, 1]])
    np.testing.assert_array_equal(momenta[..., 0], (images[..., 0] - images[..., 1])[:, ::4, ::4])


@pytest.mark.once("the training of the other learned fields has all of Keras")
def test_it_begins_near_nothing_learns_and_knows_how_sure_it_is(built):
    inputs, weights = pair(PICTURES), [*built.first.trainable_variables, *built.second.trainable_variables]
    assert np.abs(built(inputs)[1]).max() < 0.5  # nodes
    before = [part.numpy() for part in weights]
    built.draw()
    step = tf.function(built.train_step, autograph=False)
    losses = [float(step(0)["loss"]) for _ in range(25)]
    assert losses[0] > 2.0 and np.mean(losses[-3:]) < 0.5 * losses[0]  # of both networks (1 + 3) (0.5 + 0.25) / 2, if they say 0
    assert all(np.abs(a - b.numpy()).max() > 0.0 for a, b in zip(before, weights, strict=True))
    np.testing.assert_array_equal(built(inputs)[1], built(inputs)[1])
    spread = built.spread(inputs, 4).numpy()
    assert spread.shape == (3, NODES, NODES) and spread.min() >= 0.0 and spread.max() > 1e-3


def test_patches_without_content_are_left_out(built):
    """Nothing moves where both images are flat, whatever the networks say of nothing."""
    images = np.concatenate([PICTURES[:2], np.zeros_like(PICTURES[2:])])
    kept = quicksilver.content(tf.constant(images[:, :8, :8]))
    np.testing.assert_array_equal(kept, [True, True, False])
    for network in (built.first, built.second):
        network.layers[-1].bias.assign([5.0, 5.0])
    found = np.abs(built(pair(images))[1])
    assert found[:2].max() > 4.0 and found[2].max() == 0.0
    assert np.abs(built(pair(np.zeros_like(PICTURES)))[1]).max() == 0.0


def test_odd_sides_are_refused():
    with pytest.raises(InputError, match="received images of 33 pixels, expected an even number"):
        quicksilver.MomentumModel(33, None, None, None)

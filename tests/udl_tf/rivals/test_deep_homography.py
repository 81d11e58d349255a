"""Deep homography: the network's shapes, both losses against known homographies, and that both ways learn."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.geometry import homography
from pipelines.pairs import homography_pairs
from udl_tf.rivals import deep_homography
from udl_tf.rivals.pair_model import compiled

SEED = tf.constant([5, 2], tf.int32)


def scenes(count, size, seed=0):
    """Smooth random pictures (count, size, size) of mean 0 and deviation 1: sums of waves."""
    rng = np.random.default_rng(seed)
    grid = geometry.centred_grid(size, size)
    waves = rng.normal(0.0, 0.25, (count, 1, 1, 12, 2))
    phase = rng.uniform(0, 6.3, (count, 1, 1, 12))
    return np.cos((grid[None, :, :, None, :] * waves).sum(-1) + phase).sum(-1).astype(np.float32) / np.sqrt(6.0)


def pairs(count, margin=0, patch=32, reach=5.0):
    """(inputs, truth) of homography pairs."""
    size = homography_pairs.crop_size(patch, reach, margin)
    fixed, moving, matrix = homography_pairs.homography_pair(scenes(count, size), SEED, patch, reach, margin)
    return {"fixed": fixed, "moving": moving}, {"homography": matrix}


def told(corners, fixed_side, unsupervised):
    """A model whose network gives the corners it is told."""
    inputs = {name: tf.keras.Input((32, 32), name=name) for name in ("fixed", "moving")}
    output = tf.keras.layers.Lambda(lambda x: 0.0 * x[:, :4, :2] + tf.cast(corners, tf.float32))(inputs["fixed"])
    return deep_homography.DeepHomographyModel(tf.keras.Model(inputs, {"corners": output}), unsupervised)


def true_corners(truth):
    corners = tf.tile(homography.corners(32, 32)[None], (len(truth["homography"]), 1, 1))
    return homography.apply(truth["homography"], corners) - corners


def test_layer_shapes_are_detones():
    network = deep_homography.build(128, "paper").network
    shapes = [tuple(layer.output.shape[1:]) for layer in network.layers if "conv" in layer.name]
    expected = [(128, 64)] * 2 + [(64, 64)] * 2 + [(32, 128)] * 2 + [(16, 128)] * 2
    assert shapes == [(side, side, width) for side, width in expected]
    assert [layer.units for layer in network.layers if hasattr(layer, "units")] == [1024, 8]
    assert tuple(network.output["corners"].shape) == (None, 4, 2)
    with pytest.raises(InputError, match="36 pixels, expected a multiple of 8"):
        deep_homography.build(36)


def test_true_corners_have_no_loss():
    for margin in (0, 5):
        inputs, truth = pairs(6, margin)
        true = true_corners(truth)
        supervised, unsupervised = (told(true, 32, flag) for flag in (False, True))
        np.testing.assert_allclose(supervised.pair_losses(inputs, truth, False), np.zeros(6), atol=1e-5)
        found = supervised.homographies(inputs)
        np.testing.assert_allclose(homography.corner_error(found, truth["homography"], 32, 32), np.zeros(6), atol=1e-3)
        assert unsupervised.pair_losses(inputs, None, False).numpy().max() < 0.03  # of interpolation
        assert told(-true, 32, True).pair_losses(inputs, None, False).numpy().min() > 0.2


def test_supervised_loss_by_hand():
    inputs, truth = pairs(3)
    off = true_corners(truth) + tf.constant([3.0, 4.0])  # each of four corners 5 pixels away: 4 * 25 / 2
    np.testing.assert_allclose(told(off, 32, False).pair_losses(inputs, truth, False), [50.0] * 3, rtol=1e-4)


def test_wild_corners_are_cut_but_keep_a_gradient():
    """All corners thrown to the centre, which is no homography at all."""
    wild = tf.Variable(-homography.corners(32, 32)[None])
    limit = deep_homography.LIMIT * 31
    with tf.GradientTape() as tape:
        matrix = deep_homography.from_corners(wild, 32)
        moved = homography.apply(matrix, homography.corners(32, 32)[None])
        total = tf.reduce_sum(moved)
    np.testing.assert_allclose(moved, (homography.corners(32, 32) * (1 - limit / 15.5))[None], atol=1e-3)
    np.testing.assert_allclose(tape.gradient(total, wild), np.ones((1, 4, 2)), atol=1e-2)


@pytest.mark.parametrize("unsupervised", [pytest.param(False, marks=pytest.mark.once("the other has all of Keras")), True])
def test_it_learns(unsupervised):
    """64 pairs of 32 px, corners moved by up to 5: after 60 steps much nearer than where nothing is moved."""
    tf.keras.utils.set_random_seed(1)
    inputs, truth = pairs(64)
    model = deep_homography.DeepHomographyModel(deep_homography.vgg(32, (8,) * 8, 64, 0.0), unsupervised)
    compiled(model, "small", 5e-3, 60)
    data = tf.data.Dataset.from_tensors((inputs, {} if unsupervised else truth)).repeat()
    model.fit(data, steps_per_epoch=60, verbose=0, shuffle=False)
    found = model.homographies(inputs)
    still = tf.eye(3, batch_shape=[64])
    error, chance = (float(tf.reduce_mean(homography.corner_error(each, truth["homography"], 32, 32))) for each in (found, still))
    assert error < 0.6 * chance, (error, chance)


def test_training_begins_near_the_identity():
    """Of pictures of unit contrast an untrained network gives hardly any move, so its loss is that of none."""
    tf.keras.utils.set_random_seed(3)
    inputs, truth = pairs(16)
    model = deep_homography.DeepHomographyModel(deep_homography.vgg(32, (8,) * 8, 64, 0.0))
    nothing = told(tf.zeros((16, 4, 2)), 32, False)
    loss, identity = (tf.reduce_mean(each.pair_losses(inputs, truth, True)) for each in (model, nothing))
    np.testing.assert_allclose(loss, identity, rtol=0.2)

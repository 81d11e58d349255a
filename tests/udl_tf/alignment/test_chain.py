"""The whole chain with networks of other kinds, and for photographs; the group network's is tested by its aligner."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from udl_tf.alignment.chain import Chain
from udl_tf.networks.build import build
from udl_tf.networks.polar import PolarConfig

COUNT = 10


def make(config):
    return Chain(build(config), config)


@pytest.fixture(scope="module")
def polar(small_config):
    network = PolarConfig(angles=128, harmonics=45, last_ring=30)
    return make(dataclasses.replace(small_config, network=network, period=180.0, candidates=3))


@pytest.fixture(scope="module")
def photo(small_config):
    return make(dataclasses.replace(small_config, support="frame", material="photos"))


def many_poses(count):
    rng = np.random.default_rng(0)
    return rng.uniform(-180, 180, count), rng.uniform(-5, 5, (count, 2))


@pytest.fixture(scope="module")
def poses():
    return many_poses(COUNT)


def scene(count=200, seed=1):
    """Spots all over the frame and beyond."""
    rng = np.random.default_rng(seed)
    parts = rng.uniform(-0.9, 0.9, (count, 2)), rng.uniform(0.015, 0.06, (count, 1)), rng.uniform(-1, 1, (count, 1))
    return np.concatenate(parts, 1)


def pairs(picture, poses, noise, *spots):
    rng = np.random.default_rng(2)
    clean = picture(*poses, 64, *spots), picture(*map(np.zeros_like, poses), 64, *spots)
    return [tf.constant(images + rng.normal(0, noise, images.shape), tf.float32) for images in clean]


def raw(chain, fixed, moving, method="careful", limit=16.0):
    found = getattr(chain, method)(chain.describe_fixed(fixed), chain.describe(moving), tf.constant(limit))
    return {name: value.numpy() for name, value in found.items()}


def assert_right(found, poses, turn, move):
    assert np.abs((found["angle"] - poses[0] + 180) % 360 - 180).max() < turn
    assert np.hypot(*(found["shift"] - poses[1]).T).max() < move


@pytest.mark.parametrize(("method", "turn", "move"), [("careful", 1.5, 0.5), ("quick", 3.0, 0.8)])
def test_the_polar_network(polar, picture, poses, method, turn, move):
    found = raw(polar, *pairs(picture, poses, 0.1), method)
    assert_right(found, poses, turn, move)
    assert all(len(value) == COUNT and np.isfinite(value).all() for value in found.values())


@pytest.mark.once("many pairs, for one comparison of two ways")
def test_photographs_are_compared_over_the_whole_frame(photo, chain, picture):
    poses = many_poses(40)
    images = pairs(picture, poses, 0.0, scene())
    whole, within = raw(photo, *images), raw(chain, *images)
    assert_right(whole, poses, 0.1, 0.1)
    turns = [np.abs((found["angle"] - poses[0] + 180) % 360 - 180).mean() for found in (whole, within)]
    moves = [np.hypot(*(found["shift"] - poses[1]).T).mean() for found in (whole, within)]
    assert turns[0] < 0.5 * turns[1] and moves[0] < 0.5 * moves[1], (turns, moves)
    assert_right(raw(photo, *pairs(picture, poses, 0.3, scene())), poses, 1.5, 0.6)


def test_salt_and_pepper_is_repaired_first(photo, picture, poses):
    rng = np.random.default_rng(3)
    images = []
    for image in pairs(picture, poses, 0.02, scene()):
        places = rng.uniform(size=image.shape)
        high, low = (reduce(image, axis=(1, 2), keepdims=True) for reduce in (np.max, np.min))
        images.append(tf.constant(np.where(places < 0.1, high, np.where(places < 0.2, low, image)), tf.float32))
    assert_right(raw(photo, *images), poses, 0.5, 0.3)


def test_nothing_goes_beyond_the_limit(photo, chain, picture):
    far = np.array([20.0] * COUNT), np.tile([12.0, 0.0], (COUNT, 1))
    for each in (chain, photo):
        images = pairs(picture, far, 0.05)
        for method in ("careful", "quick"):
            assert np.hypot(*raw(each, *images, method, 6.0)["shift"].T).max() < 6.0 + 2.1
    assert_right(raw(chain, *pairs(picture, far, 0.05), limit=13.0), far, 1.5, 0.5)


def test_related_pairs_have_more_evidence(photo, chain, picture, poses):
    strangers = [tf.constant(part, tf.float32) for part in np.random.default_rng(4).normal(size=(2, COUNT, 64, 64))]
    for each in (chain, photo):
        for method in ("careful", "quick"):
            right, wrong = raw(each, *pairs(picture, poses, 0.1), method), raw(each, *strangers, method)
            assert right["evidence"].min() > wrong["evidence"].max() and right["lead"].min() > wrong["lead"].max()

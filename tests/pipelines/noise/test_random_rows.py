"""Rows drawn alone are the rows of the whole draw, to the bit."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.noise import random_rows
from pipelines.noise.coloured import coloured
from pipelines.noise.renoise import Background, White
from pipelines.pairs.disturb import Disturb

SEED = tf.constant([3, 4], tf.int32)


@pytest.mark.parametrize("shape", [(33, 33), (64, 64), (2,), ()])
@pytest.mark.parametrize("first", [0, 3, tf.constant(5)])
def test_normal_rows(shape, first):
    whole = tf.random.stateless_normal((10, *shape), SEED).numpy()
    part = random_rows.normal((tf.constant(4), *shape), SEED, first).numpy()
    np.testing.assert_array_equal(part, whole[int(first) : int(first) + 4])


@pytest.mark.parametrize("first", [0, 3, tf.constant(5)])
def test_uniform_rows(first):
    whole = tf.random.stateless_uniform((10, 2), SEED, -2.0, 5.0).numpy()
    part = random_rows.uniform((4, 2), SEED, -2.0, 5.0, first).numpy()
    np.testing.assert_array_equal(part, whole[int(first) : int(first) + 4])


@pytest.mark.parametrize("renoise", [None, White(), Background((1.0, 2.0, 0.5, 0.5), 1.0)])
def test_pieces_of_a_batch_are_disturbed_as_the_batch_is(renoise):
    images = coloured((6, 33, 33), np.ones(17, np.float32), SEED)
    disturb = Disturb(3.0, renoise)
    whole = disturb(images, images[::-1], SEED)
    pieces = [disturb(images[i : i + 2], images[::-1][i : i + 2], SEED, i) for i in (0, 2, 4)]
    joined = tf.nest.map_structure(lambda *parts: np.concatenate(parts), *pieces)
    for expected, found in zip(tf.nest.flatten(whole), tf.nest.flatten(joined), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)

"""An edge across an image goes, straight or bent; without one, not a bit changes."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from pipelines.preparation.edges import without_edge

SIDE = 64
X, Y = np.moveaxis(geometry.centred_grid(SIDE, SIDE) / (SIDE / 2.0), -1, 0)
NOISE = np.random.default_rng(0).normal(size=(8, SIDE, SIDE)).astype(np.float32)


def spot(x, y, width):
    return np.exp(-((X - x) ** 2 + (Y - y) ** 2) / (2.0 * width**2))


NO_EDGES = {
    "nothing": 0.0 * X,
    "a particle": 3.0 * spot(0.1, 0.0, 0.25),
    "a wide one": 20.0 * spot(0.0, 0.1, 0.4),
    "a plane": 20.0 * X,
    "a bowl": 20.0 * (X**2 - Y**2),
    "dirt in the rim": 8.0 * spot(0.7, 0.0, 0.15),
}
EDGES = {"straight": 0.8 * X + 0.6 * Y > 0.2, "bent": np.hypot(X + 2.6, Y - 0.5) > 3.0, "near the rim": X < -0.6}


@pytest.mark.parametrize("name", NO_EDGES)
def test_without_an_edge_not_a_bit_changes(name):
    images = tf.constant(NOISE + NO_EDGES[name], tf.float32)
    np.testing.assert_array_equal(without_edge(images).numpy(), images)


@pytest.mark.parametrize("name", EDGES)
@pytest.mark.parametrize("height", [3.0, -3.0, 30.0])
def test_an_edge_goes_and_the_object_stays(name, height):
    particle, edge = 2.0 * spot(0.0, 0.1, 0.2), EDGES[name] - EDGES[name].mean()
    left = without_edge(tf.constant(NOISE + particle + height * edge, tf.float32)).numpy()
    rest = left - left.mean((1, 2), keepdims=True) - (NOISE - NOISE.mean((1, 2), keepdims=True)) - (particle - particle.mean())
    most = 0.08 if name == "bent" and abs(height) < 10.0 else 0.03  # noise hides how an edge bends
    assert np.mean(rest**2) < most * height**2 * np.mean(edge**2)


def test_images_of_a_batch_do_not_know_each_other():
    dirty = tf.constant(NOISE + 5.0 * EDGES["straight"], tf.float32)
    left = without_edge(tf.concat([NOISE[:4], dirty[4:]], 0)).numpy()
    np.testing.assert_array_equal(left[:4], NOISE[:4])
    np.testing.assert_allclose(left[4:], without_edge(dirty).numpy()[4:], atol=1e-4)


def test_small_images_stay_as_they_are():
    images = tf.constant(NOISE[:, :32, :32] + 5.0 * EDGES["straight"][:32, :32], tf.float32)
    np.testing.assert_array_equal(without_edge(images), images)

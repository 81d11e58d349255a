"""A lump beside the object goes; without one, not a bit changes."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from pipelines.preparation.dirt import without_dirt

SIDE = 64
X, Y = np.moveaxis(geometry.centred_grid(SIDE, SIDE) / (SIDE / 2.0), -1, 0)
NOISE = np.random.default_rng(0).normal(size=(8, SIDE, SIDE)).astype(np.float32)


def spot(x, y, width):
    return np.exp(-((X - x) ** 2 + (Y - y) ** 2) / (2.0 * width**2))


OBJECTS = {
    "nothing": 0.0 * X,
    "a particle": 3.0 * spot(0.1, 0.0, 0.25),
    "a wide one": 20.0 * spot(0.0, 0.1, 0.4),
    "a plane": 20.0 * X,
    "dark corners": -5.0 * (X**2 + Y**2) ** 2 / 2.0,
}


@pytest.mark.parametrize("name", OBJECTS)
def test_without_dirt_not_a_bit_changes(name):
    images = tf.constant(NOISE + OBJECTS[name], tf.float32)
    np.testing.assert_array_equal(without_dirt(images).numpy(), images)


@pytest.mark.parametrize("strength", [6.0, -6.0, 40.0])
def test_a_lump_goes_and_the_object_stays(strength):
    particle, lump = 2.0 * spot(0.0, 0.0, 0.2), spot(0.5, -0.5, 0.15)
    left = without_dirt(tf.constant(NOISE + particle + strength * lump, tf.float32)).numpy()
    left = (left - NOISE).mean(0)
    assert abs((left * lump).sum() / (lump**2).sum()) < 0.3 * abs(strength)
    assert (left * particle).sum() / (particle**2).sum() == pytest.approx(1.0, abs=0.25)


# Lifted by 1.6, 1.6, 16 and 2.1. Filled alone, .55, .47, 5.2 and 1.6 are left.
@pytest.mark.parametrize("strength, width, most", [(100, 0.15, 0.3), (-100, 0.15, 0.3), (1000, 0.15, 0.3), (20, 0.25, 1.2)])
def test_what_reaches_over_the_object_goes_where_it_is_higher_than_the_other_side(strength, width, most):
    particle, inside = 2.0 * spot(0.0, 0.0, 0.2), np.hypot(X, Y) < 0.45
    dirty = NOISE + particle + strength * spot(0.55, -0.5, width)
    left = (without_dirt(tf.constant(dirty, tf.float32)).numpy() - NOISE).mean(0) - particle
    assert np.sqrt(np.mean(left[inside] ** 2)) < most


def test_images_of_a_batch_do_not_know_each_other():
    dirty = tf.constant(NOISE + 8.0 * spot(0.5, 0.5, 0.15), tf.float32)
    left = without_dirt(tf.concat([NOISE[:4], dirty[4:]], 0)).numpy()
    np.testing.assert_array_equal(left[:4], NOISE[:4])
    np.testing.assert_allclose(left[4:], without_dirt(dirty).numpy()[4:], atol=1e-5)

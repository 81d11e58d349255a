"""Made cine pairs: the motion by hand, its inverse, what is seen moves with the tissue."""

import math

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry, noise
from pipelines.errors import InputError
from pipelines.geometry import displacement
from pipelines.geometry.sampling import bilinear
from pipelines.pairs import cine, deformed
from pipelines.pictures.dead_leaves import dead_leaves

PATCH, REACH = 64, 4.0


@pytest.fixture(scope="module")
def crops():
    return tf.constant(dead_leaves(24, deformed.crop_size(PATCH, REACH), seed=3))


@pytest.fixture(scope="module")
def pair(crops):
    return [part.numpy() for part in cine.cine_pair(crops, tf.constant([4, 1]), PATCH, REACH)]


def one(**changes):
    """A heart of one beat about the image's middle, its numbers known."""
    heart = {"middle": [[[0.0, 0.0]]], "wall": [[12.0]], "thick": [[4.0]], "oval": [[0.0]], "direction": [[0.0]]}
    heart |= {"inwards": [[3.0]], "twist": [[0.0]], "times": [[0.0, 1.0]], **changes}
    return {name: tf.constant(value, tf.float32) for name, value in heart.items()}


def test_the_motion_by_hand():
    points = tf.constant([[[12.0, 0.0], [0.0, -12.0], [0.0, 0.0], [6.0, 0.0]]])
    half = cine.moved(one(), tf.constant([[0.5]]), points).numpy()[0]
    inner = 6.0 - 0.5 * 3.0 * 0.5 * math.exp(0.5 - 0.125)
    np.testing.assert_allclose(half, [[10.5, 0.0], [0.0, -10.5], [0.0, 0.0], [inner, 0.0]], atol=1e-5)
    turned = cine.moved(one(inwards=[[0.0]], twist=[[0.2]]), tf.constant([[1.0]]), points).numpy()[0, 0]
    angle = 0.2 * math.exp(-0.5)
    np.testing.assert_allclose(turned, [12.0 * math.cos(angle), 12.0 * math.sin(angle)], atol=1e-5)


def test_the_inverse_undoes_it():
    heart = one(middle=[[[2.0, -1.0]]], inwards=[[4.0]], twist=[[0.3]])
    points = tf.constant(geometry.centred_grid(PATCH, PATCH).reshape(1, -1, 2))
    for contraction in (0.0, 0.4, 1.0):
        there = cine.moved(heart, tf.constant([[contraction]]), points)
        np.testing.assert_allclose(cine.at_rest(heart, tf.constant([[contraction]]), there), points, atol=2e-4)


def test_intensities_by_hand():
    points = tf.constant([[[0.0, 0.0], [12.0, 0.0], [0.0, 30.0]]])
    flat = cine.intensity(one(), tf.zeros((1, 80, 80)), points).numpy()[0]
    np.testing.assert_allclose(flat, [cine.BLOOD, cine.MUSCLE, cine.AROUND], atol=0.02)


def test_what_is_seen_moves_by_the_field(pair):
    fixed, moving, field = pair
    grid = geometry.centred_grid(PATCH, PATCH).reshape(1, -1, 2)
    moved = bilinear(tf.constant(moving), tf.constant(grid + field.reshape(len(field), -1, 2))).numpy().reshape(fixed.shape)
    inner = (slice(None), slice(6, -6), slice(6, -6))
    left, before = (np.square(image[inner] - fixed[inner]).mean() for image in (moved, moving))
    assert left < 0.05 * before


def test_fields_are_smooth_and_do_not_go_too_far(pair):
    field = pair[2]
    length = np.linalg.norm(field, axis=-1).max((1, 2))
    assert length.max() <= REACH + 1e-3 and length.max() > 0.6 * REACH and length.min() < 0.2 * REACH  # moments may be alike
    assert displacement.least_determinant(tf.constant(field), 1.0).numpy().min() > 0.05


def test_batches_depend_on_seed_and_number_alone(crops):
    def batches(start, seed=7):
        data = tf.data.Dataset.from_tensors(crops[:4]).repeat()
        return list(deformed.from_crops(data, noise.parse("gaussian:1"), seed, PATCH, REACH, start, cine.cine_pair).take(2))

    first, later, other = batches(0), batches(1), batches(0, seed=8)
    np.testing.assert_array_equal(first[1][0]["fixed"], later[0][0]["fixed"])
    np.testing.assert_array_equal(first[1][1]["displacement"], later[0][1]["displacement"])
    assert np.abs(first[0][1]["displacement"] - other[0][1]["displacement"]).max() > 0.1
    assert abs(float(tf.math.reduce_std(first[0][0]["moving"])) - 1.0) < 0.01
    with pytest.raises(InputError, match="crops of 64 pixels: expected 74 or more"):
        cine.cine_pair(tf.zeros((1, 64, 64)), tf.constant([0, 0]), PATCH, REACH)

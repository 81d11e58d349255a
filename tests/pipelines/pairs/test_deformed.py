"""Bent pairs: their field is the truth, it never folds, and it stays within its reach."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import noise, pairs
from pipelines.errors import InputError
from pipelines.geometry import displacement
from pipelines.geometry.transforms import Displacement
from pipelines.pairs import deformed
from pipelines.pictures.dead_leaves import dead_leaves


@pytest.fixture(scope="module")
def crops():
    """Function (start) -> dataset of batches of six crops."""
    pictures = tf.constant(dead_leaves(12, 96, seed=1))

    def dataset(start):
        return tf.data.Dataset.from_tensor_slices(pictures).batch(6).skip(start)

    return dataset


@pytest.fixture(scope="module")
def collected(crops):
    return pairs.collect(deformed.from_crops(crops(0), noise.parse("clean"), 5, 64, 4.0), 12)


def test_the_field_brings_moving_onto_fixed(collected):
    inputs, truth = collected
    found = Displacement(truth["displacement"]).warp(inputs["moving"])
    before, after = (
        [np.corrcoef(a[8:-8, 8:-8].ravel(), b[8:-8, 8:-8].ravel())[0, 1] for a, b in zip(images, inputs["fixed"], strict=True)]
        for images in (inputs["moving"], found)
    )
    assert min(after) > 0.97 and np.mean(before) < 0.95


def test_fields_bend_within_their_reach_and_never_fold(collected):
    field = collected[1]["displacement"]
    furthest = np.linalg.norm(field, axis=-1).max((1, 2))
    assert furthest.max() <= 4.0 and furthest.min() > 0.6 and np.ptp(furthest) > 1.0
    assert displacement.least_determinant(tf.constant(field), 1.0).numpy().min() > 0.2
    _, vector = displacement.linear_part(tf.constant(field), 1.0)
    assert np.abs(field - vector.numpy()[:, None, None]).max() > 1.0  # no mere shift


def test_a_batch_depends_on_its_number_alone_and_noise_differs_in_both_images(crops, collected):
    later = deformed.from_crops(crops(1), noise.parse("clean"), 5, 64, 4.0, start=1)
    inputs, truth = next(later.as_numpy_iterator())
    np.testing.assert_array_equal(truth["displacement"], collected[1]["displacement"][6:])
    np.testing.assert_allclose(inputs["fixed"], collected[0]["fixed"][6:], atol=1e-4)
    noisy, same = pairs.collect(deformed.from_crops(crops(0), noise.parse("gaussian:1"), 5, 64, 4.0), 6)
    np.testing.assert_array_equal(same["displacement"], collected[1]["displacement"][:6])
    rest = [noisy[name] - collected[0][name][:6] / np.sqrt(2.0) for name in ("fixed", "moving")]  # normalised again
    assert abs(np.corrcoef(rest[0].ravel(), rest[1].ravel())[0, 1]) < 0.05
    assert rest[0].std() == pytest.approx(np.sqrt(0.5), rel=0.1)


def test_crops_that_are_too_small_are_refused():
    assert deformed.crop_size(128, 8.0) == 146
    with pytest.raises(InputError, match="crops of 72 pixels: expected 74 or more by an even number"):
        deformed.deformed_pair(tf.zeros((1, 72, 72)), tf.constant([1, 2]), 64, 4.0)

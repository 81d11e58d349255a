"""Normalisation, and images with no grey values to normalise."""

import logging

import numpy as np
import pytest
import tensorflow as tf

from pipelines.normalise import check_images, normalise, report_unusable, unusable, usable


def batch():
    images = np.random.default_rng(0).normal(5.0, 3.0, (6, 8, 8)).astype(np.float32)
    images[1, 2, 3] = np.nan
    images[3] = 0.1  # no exact binary fraction: its variance need not come out as 0
    images[4, 0, 0] = -np.inf
    return images


def test_mean_zero_deviation_one_and_bad_images_zero():
    images = batch()
    result = normalise(images).numpy()
    for good in (0, 2, 5):
        wanted = (images[good] - images[good].mean(dtype=np.float64)) / images[good].std(dtype=np.float64)
        np.testing.assert_allclose(result[good], wanted, atol=1e-5)
    np.testing.assert_array_equal(result[[1, 3, 4]], 0.0)
    np.testing.assert_array_equal(usable(images), [True, False, True, False, False, True])


@pytest.mark.parametrize("scale, offset", [(1e-25, 0.0), (1e25, 0.0), (1.0, 1e4), (-1.0, 0.0)])
def test_any_range_of_grey_values(scale, offset):
    images = np.random.default_rng(1).normal(size=(2, 16, 16))
    wanted = np.sign(scale) * (images - images.mean((1, 2), keepdims=True)) / images.std((1, 2), keepdims=True)
    np.testing.assert_allclose(normalise((images * scale + offset).astype(np.float32)), wanted, atol=5e-3)


def test_bad_image_does_not_poison_gradients():
    images = tf.Variable(batch())
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(normalise(images) ** 3)
    gradient = tape.gradient(loss, images).numpy()
    assert np.isfinite(gradient).all() and np.abs(gradient[0]).max() > 0
    np.testing.assert_array_equal(gradient[[1, 3, 4]], 0.0)


def test_bad_images_are_named_in_one_line(caplog):
    with caplog.at_level(logging.WARNING):
        mask = check_images(batch(), offset=100)
        np.testing.assert_array_equal(mask, [True, False, True, False, False, True])
        check_images(batch()[[0, 2]])
        check_images(batch(), names=list("abcdef"))
    assert caplog.messages == [
        "images left out: 101, 104 not finite (NaN or infinity); 103 constant",
        "images left out: b, e not finite (NaN or infinity); d constant",
    ]


def test_long_lists_are_cut():
    not_finite, constant = unusable(np.zeros((25, 2, 2)), offset=1)
    assert report_unusable(not_finite, constant).endswith("19, 20 and 5 more constant")
    assert report_unusable([], []) is None

"""Places without information: found, and filled without a step."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.preparation.places import filled, informative

SIDE = 64
RANDOM = np.random.default_rng(3)
NOISE = RANDOM.normal(size=(1, SIDE, SIDE)).astype(np.float32)


def weight_of(images, **options):
    return informative(tf.constant(images, tf.float32), **options).numpy()


def letterboxed(value, rows=8):
    image = NOISE + 10.0
    image[:, :rows] = image[:, -rows:] = value
    return image


@pytest.mark.parametrize("value", [0.0, 10.0, 1e4])
def test_a_letterbox_of_any_grey_holds_nothing_and_its_rim_neither(value):
    weight = weight_of(letterboxed(value))[0]
    known = np.flatnonzero(weight.all(1))
    # The rows next to it are left out, too, by a pixel or two; inside, every pixel counts.
    assert 8 <= known[0] <= 11 and SIDE - 12 <= known[-1] <= SIDE - 9
    assert weight[:8].sum() == weight[-8:].sum() == 0
    assert weight[known[0] : known[-1] + 1].all()


def test_images_of_noise_and_drawings_of_two_grey_values_are_left_alone():
    drawing = np.zeros((1, SIDE, SIDE), np.float32)
    drawing[:, 20:44, 20:44] = 1.0
    np.testing.assert_array_equal(weight_of(NOISE), 1.0)
    np.testing.assert_array_equal(weight_of(drawing, wild=False), 1.0)


def test_hot_pixels_and_a_hot_column_hold_nothing_unless_they_may_be_lights():
    image = NOISE.copy()
    image[0, 5, 7], image[0, 30, 31], image[0, :, 40] = 1e4, 12.0, 1e3
    expected = np.ones((SIDE, SIDE))
    expected[5, 7] = expected[30, 31] = 0
    expected[:, 40] = 0
    np.testing.assert_array_equal(weight_of(image)[0], expected)
    np.testing.assert_array_equal(weight_of(image, wild=False), 1.0)


def test_what_is_filled_continues_the_level_around_it():
    image = letterboxed(0.0)
    weight = weight_of(image)
    found = filled(tf.constant(image), tf.constant(weight)).numpy()
    known = weight > 0
    np.testing.assert_array_equal(found[known], image[known])  # bit for bit
    # The mean of the noise near the edge: 10, give or take the standard error of a few dozen pixels.
    np.testing.assert_allclose(found[~known], 10.0, atol=0.7)


def test_the_others_of_a_batch_are_bit_identical():
    batch = np.concatenate([NOISE, letterboxed(0.0)])
    found = filled(tf.constant(batch), informative(tf.constant(batch))).numpy()
    np.testing.assert_array_equal(found[0], NOISE[0])
    assert np.abs(found[1, :8] - 10.0).max() < 1.0


def test_wild_pixels_are_found_beside_areas_without_information():
    image = letterboxed(-1e4)
    image[0, 30, 30] = 1e3  # next to nothing beside the step, and far from all that holds information
    weight = weight_of(image)[0]
    assert weight[30, 30] == 0 and weight[20:40, 20:40].sum() == 399


def test_thin_empty_corners_hold_nothing():
    image = NOISE + 1e4
    rows, columns = np.indices((SIDE, SIDE))
    image[0, rows + 8 * columns < 48] = 0.0  # a sliver, 6 columns wide at most
    for wild in (True, False):  # of photographs, where no wild pixel is looked for, too
        weight = weight_of(image, wild=wild)[0]
        assert weight[image[0] == 0.0].sum() == 0 and weight.mean() > 0.9

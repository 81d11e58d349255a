"""Warping, against arrays turned and moved by hand; TensorFlow Addons against the bare kernel."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import compat
from pipelines.geometry.warp import centre_crop, warp

NUMBERS = np.arange(1.0, 10.0, dtype=np.float32).reshape(1, 3, 3)


def warped(image, angle=0.0, shift=(0.0, 0.0), **options):
    return warp(tf.constant(image), tf.constant([angle]), tf.constant([shift]), **options).numpy()[0]


def test_a_quarter_turn_is_counter_clockwise():
    np.testing.assert_allclose(warped(NUMBERS, 90.0), [[3, 6, 9], [2, 5, 8], [1, 4, 7]], atol=1e-4)
    even = np.arange(16.0, dtype=np.float32).reshape(1, 4, 4)
    np.testing.assert_allclose(warped(even, -90.0, fill_mode="nearest"), np.rot90(even[0], -1), atol=1e-4)


def test_a_half_turn_of_an_oblong_image():
    image = np.arange(12.0, dtype=np.float32).reshape(1, 3, 4)
    np.testing.assert_allclose(warped(image, 180.0, fill_mode="nearest"), image[0, ::-1, ::-1], atol=1e-4)


def test_shifts_go_right_and_down_and_follow_the_turn():
    np.testing.assert_allclose(warped(NUMBERS, shift=(1.0, 0.0)), [[0, 1, 2], [0, 4, 5], [0, 7, 8]])
    np.testing.assert_allclose(warped(NUMBERS, shift=(0.0, 1.0)), [[0, 0, 0], [1, 2, 3], [4, 5, 6]])
    np.testing.assert_allclose(warped(NUMBERS, shift=(0.5, 0.0), fill_mode="nearest")[0], [1, 1.5, 2.5])
    np.testing.assert_allclose(warped(NUMBERS, 90.0, (1.0, 0.0)), [[0, 3, 6], [0, 2, 5], [0, 1, 4]], atol=1e-4)


@pytest.mark.parametrize(
    ("fill", "dx", "expected"),
    [("constant", 2.0, [0, 0, 1]), ("nearest", 2.0, [1, 1, 1]), ("reflect", 2.0, [2, 1, 1]), ("wrap", 1.0, [3, 1, 2])],
)
def test_what_comes_in_from_outside(fill, dx, expected):
    np.testing.assert_allclose(warped(NUMBERS, shift=(dx, 0.0), fill_mode=fill)[0], expected, atol=1e-5)


def test_every_image_of_a_batch_has_its_own_transform():
    images = np.concatenate([NUMBERS, NUMBERS])
    found = warp(tf.constant(images), tf.constant([180.0, 0.0]), tf.constant([[0.0, 0.0], [0.0, -1.0]]))
    np.testing.assert_allclose(found[0], [[9, 8, 7], [6, 5, 4], [3, 2, 1]], atol=1e-4)
    np.testing.assert_allclose(found[1], [[4, 5, 6], [7, 8, 9], [0, 0, 0]], atol=1e-4)


def test_centre_crop():
    row = np.arange(7.0)
    assert centre_crop(np.tile(row, (1, 7, 1)), 3)[0, 0].tolist() == [2, 3, 4]
    assert centre_crop(np.tile(row[:6], (1, 6, 1)), 3)[0, 0].tolist() == [1, 2, 3]


@pytest.mark.skipif(not compat.has_addons(), reason="TensorFlow Addons is not installed")
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("fill", ["constant", "reflect", "wrap", "nearest"])
def test_addons_and_the_kernel_are_equal(interpolation, fill):
    rng = np.random.default_rng(0)
    images = tf.constant(rng.normal(size=(8, 20, 31, 1)), tf.float32)
    transforms = np.zeros((8, 8), np.float32)
    transforms[:, [0, 4]] = 1.0
    transforms[:, :6] += rng.normal(size=(8, 6)) * [0.3, 0.3, 8, 0.3, 0.3, 8]
    through_addons = compat.projective_transform(images, tf.constant(transforms), interpolation, fill)
    straight = compat.kernel_transform(images, tf.constant(transforms), interpolation, fill)
    np.testing.assert_array_equal(through_addons, straight)
    assert np.std(straight) > 0.2


@pytest.mark.skipif(not compat.has_addons(), reason="TensorFlow Addons is not installed")
def test_our_turn_is_the_turn_of_addons():
    import tensorflow_addons as tfa

    images = tf.random.stateless_normal((3, 24, 24), (1, 2))
    angles = np.array([10.0, -75.0, 160.0], np.float32)
    theirs = tfa.image.rotate(images[..., None], np.deg2rad(angles), interpolation="bilinear")[..., 0]
    np.testing.assert_allclose(warp(images, tf.constant(angles), tf.zeros((3, 2))), theirs, atol=1e-3)


def test_addons_are_used_exactly_where_they_are_installed(monkeypatch):
    calls = []
    monkeypatch.setattr(compat, "kernel_transform", lambda *arguments: calls.append(arguments) or arguments[0])
    warped(NUMBERS, 10.0)
    assert len(calls) == (0 if compat.has_addons() else 1)

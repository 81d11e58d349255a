"""What the aligner takes: sizes, shapes, types of number, models."""

import logging

import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from udl_tf.alignment.aligner import Aligner


def turn_error(found, truth):
    return np.abs((found - truth + 180) % 360 - 180)


@pytest.mark.parametrize("size", [45, 64, 129, 256])
def test_other_sizes_have_their_own_pixels(aligner, picture, size):
    truth, shift = np.array([35.0, -120.0]), np.array([[4.0, -2.0], [-3.0, 5.5]]) * size / 64
    result = aligner.align(picture(truth, shift, size), picture(np.zeros(2), np.zeros((2, 2)), size))
    assert turn_error(result.angle, truth).max() < 0.2
    np.testing.assert_allclose(result.shift, shift, atol=0.1 * size / 64)


def test_oblong_images_are_cropped_with_a_notice(aligner, picture, caplog):
    fixed, moving = (np.pad(picture(angle, (0, 0)), ((0, 0), (0, 0), (20, 20))) for angle in (30.0, 0.0))
    with caplog.at_level(logging.WARNING):
        result = aligner.align(fixed, moving)
    assert "fixed: images of 64x104 pixels are centre-cropped to 64x64" in caplog.text
    assert turn_error(result.angle, 30.0).max() < 0.2


@pytest.mark.parametrize(
    ("fixed", "moving", "message"),
    [
        (np.zeros((2, 64, 64)), np.zeros((3, 64, 64)), "2 fixed and 3 moving"),
        (np.zeros((64, 64)), np.zeros((2, 48, 48)), "fixed of 64x64 and moving of 48x48"),
        (np.zeros((1, 2, 64, 64)), np.zeros((64, 64)), r"fixed .*\(1, 2, 64, 64\)"),
        (np.zeros((64, 64)), np.zeros(64), r"moving .*\(64,\)"),
        (np.zeros((64, 64), complex), np.zeros((64, 64)), "fixed .*complex"),
        (np.zeros((64, 64)), np.array([["a"] * 64] * 64), "moving "),
        (np.zeros((64, 64)), np.zeros((0, 64, 64)), "moving holds no images"),
        (np.zeros((9, 9)), np.zeros((9, 9)), "9 pixels: expected 16 to 2048"),
        (None, np.zeros((64, 64)), "fixed "),
    ],
)
def test_wrong_input_is_refused(aligner, fixed, moving, message):
    with pytest.raises(InputError, match=message):
        aligner.align(fixed, moving)


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected a SavedModel"):
        Aligner(tmp_path)
    module = tf.Module()
    module.one = tf.Variable(1.0)
    tf.saved_model.save(module, str(tmp_path / "other"))
    with pytest.raises(InputError, match="expected a SavedModel written by udl_tf"):
        Aligner(tmp_path / "other")


@pytest.mark.parametrize("kind, offset", [(np.float64, 1e8), (np.int64, 10**12)])
def test_an_offset_that_float32_cannot_hold_changes_nothing(aligner, picture, kind, offset):
    still, turned = (np.rint(1000 * picture([angle], [[0.0, 0.0]])) for angle in (0.0, -40.0))
    plain = aligner.align(still, turned)
    found = aligner.align(still.astype(kind) + kind(offset), turned.astype(kind) + kind(offset))
    assert plain.angle[0] == pytest.approx(40.0, abs=1.0)
    np.testing.assert_allclose(found.angle, plain.angle, atol=1e-3)
    np.testing.assert_allclose(found.score, plain.score, atol=1e-4)

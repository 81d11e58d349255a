"""The aligner on pictures whose pose is exact, with an untrained network: angle, shift, other sizes, bad images."""

import logging

import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from udl_tf.alignment.aligner import Aligner
from udl_tf.alignment.result import Result


def turn_error(found, truth):
    return np.abs((found - truth + 180) % 360 - 180)


@pytest.fixture(scope="module")
def poses():
    rng = np.random.default_rng(0)
    return rng.uniform(-180, 180, 12), rng.uniform(-5, 5, (12, 2))


@pytest.fixture(scope="module")
def pair(picture, poses):
    """12 pairs and one moving image a pair; noise of an SNR of about 5."""
    rng = np.random.default_rng(1)
    fixed, moving = picture(*poses), picture(np.zeros(12), np.zeros((12, 2)))
    return [(images + rng.normal(0, 0.1, images.shape)).astype(np.float32) for images in (fixed, moving)]


def test_known_poses(aligner, pair, poses):
    result = aligner.align(*pair)
    assert turn_error(result.angle, poses[0]).max() < 1.5 and np.hypot(*(result.shift - poses[1]).T).max() < 0.5
    assert result.angle.shape == (12,) and result.shift.shape == (12, 2) and result.score.shape == (12,)
    assert result.angle.min() >= -180 and result.angle.max() < 180
    assert result.score.min() > 0.5 and result.score.max() <= 1


def test_batches_keep_pairs_together(aligner, pair, poses):
    result = aligner.align(*pair, batch=5)
    assert turn_error(result.angle, poses[0]).max() < 1.5 and np.hypot(*(result.shift - poses[1]).T).max() < 0.5


def test_noiseless_pairs_are_exact(aligner, picture, poses):
    result = aligner.align(picture(*poses), picture(np.zeros(12), np.zeros((12, 2))))
    assert turn_error(result.angle, poses[0]).max() < 0.1 and np.hypot(*(result.shift - poses[1]).T).max() < 0.05
    assert result.score.min() > 0.98


def test_one_fixed_image_serves_many(aligner, picture, pair, poses):
    moving, reference = pair[0], picture(0.0, (0.0, 0.0))[0]  # now the poses must be undone
    result = aligner.align(reference, moving)
    assert turn_error(result.angle, -poses[0]).max() < 1.5
    many = aligner.align(np.tile(reference, (12, 1, 1)), moving)
    np.testing.assert_allclose(many.angle, result.angle, atol=1e-3)
    in_small_batches = aligner.align(reference, moving, batch=5)
    np.testing.assert_allclose(in_small_batches.angle, result.angle, atol=1e-2)
    np.testing.assert_allclose(in_small_batches.shift, result.shift, atol=1e-2)
    single = aligner.align(reference, moving[3])
    assert len(single) == 1 and abs(single.angle[0] - result.angle[3]) < 1e-2


@pytest.mark.parametrize("size", [45, 64, 100, 129])
def test_other_sizes_have_their_own_pixels(aligner, picture, size):
    truth, shift = np.array([35.0, -120.0]), np.array([[4.0, -2.0], [-3.0, 5.5]]) * size / 64
    result = aligner.align(picture(truth, shift, size), picture(np.zeros(2), np.zeros((2, 2)), size))
    assert turn_error(result.angle, truth).max() < 0.2
    np.testing.assert_allclose(result.shift, shift, atol=0.1 * size / 64)


@pytest.mark.parametrize("dtype", ["float64", "int16", "uint8", "float16"])
def test_any_real_numbers(aligner, picture, poses, dtype):
    images = [100.0 * picture(*pose) for pose in ((poses[0][:2], poses[1][:2]), (np.zeros(2), np.zeros((2, 2))))]
    result = aligner.align(*(np.clip(image, 0, 255).astype(dtype) for image in images))
    assert turn_error(result.angle, poses[0][:2]).max() < 0.5


def test_bad_images_are_named_and_do_not_disturb_the_others(aligner, pair, caplog):
    good = aligner.align(*pair)
    fixed, moving = (images.copy() for images in pair)
    moving[2, 5, 7], fixed[4, 0, 0] = np.nan, np.inf
    moving[9] = 3.0
    with caplog.at_level(logging.WARNING):
        result = aligner.align(fixed, moving)
    bad, rest = [2, 4, 9], [0, 1, 3, 5, 6, 7, 8, 10, 11]
    assert np.isnan(result.angle[bad]).all() and np.isnan(result.shift[bad]).all() and result.score[bad].tolist() == [0] * 3
    for name in ("angle", "shift", "score"):
        np.testing.assert_array_equal(getattr(result, name)[rest], getattr(good, name)[rest])
    assert all(text in caplog.text for text in ("moving 2", "fixed 4", "moving 9", "constant", "not finite"))
    caplog.clear()
    aligner.align(fixed, moving, report=False)
    assert caplog.text == ""
    everything = aligner.align(np.zeros((64, 64)), moving)
    assert np.isnan(everything.angle).all() and everything.score.max() == 0


def test_apply_brings_moving_onto_fixed(aligner, picture, poses):
    fixed, moving = picture(*poses), picture(np.zeros(12), np.zeros((12, 2)))
    result = aligner.align(fixed, moving)
    aligned = result.apply(moving)
    assert aligned.dtype == np.float32 and aligned.shape == moving.shape
    assert np.abs(aligned - fixed).max() < 0.08  # bilinear interpolation of spots up to 1.5 high and 2 pixels narrow
    assert np.abs(moving - fixed).max() > 0.5
    one = Result(result.angle[:1], result.shift[:1], result.score[:1])
    np.testing.assert_allclose(one.apply(moving[0]), aligned[0], atol=1e-5)
    doubled = Result(result.angle.astype(float), result.shift.astype(float), result.score)
    np.testing.assert_allclose(doubled.apply(moving.astype(float)), aligned, atol=1e-5)
    unknown = Result(np.array([np.nan]), np.full((1, 2), np.nan), np.zeros(1))
    np.testing.assert_allclose(unknown.apply(moving[0]), moving[0], atol=1e-5)
    with pytest.raises(InputError, match=r"\(1, height, width\)"):
        one.apply(moving)


def test_max_shift(aligner, picture):
    fixed, moving = picture(np.full(3, 20.0), np.array([[2.0, 0.0], [0.0, 9.0], [14.0, 0.0]])), picture(0.0, (0, 0))
    moving = np.repeat(moving, 3, 0)
    np.testing.assert_allclose(aligner.align(fixed, moving).shift, [[2, 0], [0, 9], [14, 0]], atol=0.2)
    near = aligner.align(fixed, moving, max_shift=4)
    np.testing.assert_allclose(near.shift[0], [2, 0], atol=0.1)
    within = aligner.align(fixed, moving, max_shift=10)
    np.testing.assert_allclose(within.shift[:2], [[2, 0], [0, 9]], atol=0.1)
    assert near.score[2] < within.score[1]
    # It counts pixels of the images, here 2 for each of the network's.
    large = picture(20.0, (20.0, 0.0), 128), picture(0.0, (0.0, 0.0), 128)
    assert aligner.align(*large, max_shift=22).score[0] > aligner.align(*large, max_shift=12).score[0] + 0.1
    for wrong in (-1, 17, float("nan")):
        with pytest.raises(InputError, match="max_shift.*0 to 16"):
            aligner.align(fixed, moving, max_shift=wrong)


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


def test_the_saved_model_alone_gives_the_same(aligner, model_folder, pair):
    served = tf.saved_model.load(str(model_folder / "model" / "1")).signatures["serving_default"]
    assert set(served.structured_input_signature[1]) == {"fixed", "moving"}
    output = served(fixed=tf.constant(pair[0]), moving=tf.constant(pair[1]))
    result = aligner.align(*pair)
    assert set(output) == {"angle", "shift", "score"}
    for name in output:
        np.testing.assert_allclose(output[name], getattr(result, name), atol=1e-4)


def test_the_configuration_travels_with_the_model(aligner):
    assert aligner.config["config"]["box"] == 64 and aligner.config["config"]["network"]["kind"] == "polar"


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected a SavedModel"):
        Aligner(tmp_path)
    module = tf.Module()
    module.one = tf.Variable(1.0)
    tf.saved_model.save(module, str(tmp_path / "other"))
    with pytest.raises(InputError, match="expected a SavedModel written by udl_tf"):
        Aligner(tmp_path / "other")

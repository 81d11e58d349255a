"""The aligner on pictures whose pose is exact, with an untrained network: angle, shift, other sizes, bad images."""

import dataclasses
import logging

import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
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


def assert_right(result, poses, turn, move):
    assert turn_error(result.angle, poses[0]).max() < turn and np.hypot(*(result.shift - poses[1]).T).max() < move


def test_known_poses(aligner, pair, poses):
    result = aligner.align(*pair)
    assert_right(result, poses, 1.5, 0.5)
    for name in ("angle", "score", "sigma", "symmetry"):
        assert getattr(result, name).shape == (12,)
    assert result.shift.shape == (12, 2) and result.angle.min() >= -180 and result.angle.max() < 180
    assert result.score.min() > 0.5 and result.score.max() <= 1 and result.symmetry.tolist() == [1] * 12
    assert result.sigma.min() > 0.01 and result.sigma.max() < 3.0


def test_batches_keep_pairs_together(aligner, pair, poses):
    assert_right(aligner.align(*pair, batch=5), poses, 1.5, 0.5)


def test_noiseless_pairs_are_exact(aligner, picture, poses):
    result = aligner.align(picture(*poses), picture(np.zeros(12), np.zeros((12, 2))))
    assert_right(result, poses, 0.1, 0.06)
    assert result.score.min() > 0.9


def test_no_seam(aligner, picture):
    truth = np.array([0.0, 0.4, -0.4, 89.6, 90.0, -90.3, 179.5, -179.5, 180.0, 135.0])
    shift = np.tile([1.0, -2.0], (len(truth), 1))
    fixed, moving = picture(truth, shift), picture(np.zeros(len(truth)), np.zeros((len(truth), 2)))
    rng = np.random.default_rng(2)
    noisy = [images + rng.normal(0, 0.05, images.shape) for images in (fixed, moving)]
    for images, turn in (((fixed, moving), 0.2), (noisy, 0.6)):
        result = aligner.align(*images)
        assert_right(result, (truth, shift), turn, 0.3)
        assert result.angle.min() >= -180 and result.angle.max() < 180
    assert_right(aligner.align(fixed, moving, fast=True), (truth, shift), 2.0, 0.6)


def test_identical_images(aligner, pair):
    for fast in (False, True):
        result = aligner.align(pair[0], pair[0], fast=fast)
        assert_right(result, (np.zeros(12), np.zeros((12, 2))), 0.05, 0.05)
        assert result.score.min() > 0.9


def test_fast_is_near(aligner, pair, poses):
    result = aligner.align(*pair, fast=True)
    assert_right(result, poses, 4.0, 1.0)
    assert result.symmetry.tolist() == [1] * 12 and result.score.min() > 0.5
    assert np.unique(result.sigma).size == 1 and result.sigma[0] > aligner.align(*pair).sigma.max()


def test_the_error_bar_grows_with_the_noise(aligner, picture):
    rng = np.random.default_rng(3)
    truth = rng.uniform(-180, 180, 40)
    clean = picture(truth, np.zeros((40, 2))), picture(np.zeros(40), np.zeros((40, 2)))
    sigma = []
    for level in (0.05, 0.2, 0.4):
        result = aligner.align(*(images + rng.normal(0, level, images.shape) for images in clean))
        error = turn_error(result.angle, truth)
        sigma.append(np.median(result.sigma))
        assert 1 / 3 < np.sqrt(np.mean(error**2)) / sigma[-1] < 3, level
    assert 1.2 * sigma[0] < sigma[1] and 1.2 * sigma[1] < sigma[2]


def test_unrelated_images_have_a_low_score(aligner, picture, pair, poses):
    rng = np.random.default_rng(4)
    noise = rng.normal(size=(2, 12, 64, 64))
    related = aligner.align(*(images + rng.normal(0, 0.3, images.shape) for images in pair))
    for fixed, moving in ((noise[0], pair[1]), (pair[0], noise[1]), noise):
        strangers = aligner.align(fixed, moving)
        assert strangers.score.mean() < related.score.mean() - 0.2 and np.isfinite(strangers.sigma).all()
        fast = aligner.align(fixed, moving, fast=True)
        assert fast.score.mean() < aligner.align(*pair, fast=True).score.mean() - 0.1


def test_one_fixed_image_serves_many(aligner, picture, pair, poses):
    moving, reference = pair[0], picture(0.0, (0.0, 0.0))[0]  # now the poses must be undone
    result = aligner.align(reference, moving)
    assert turn_error(result.angle, -poses[0]).max() < 1.5
    tiled = aligner.align(np.tile(reference, (12, 1, 1)), moving)
    in_small_batches = aligner.align(reference, moving, batch=5)
    for name in ("angle", "shift", "score", "sigma", "symmetry"):
        np.testing.assert_allclose(getattr(tiled, name), getattr(result, name), atol=1e-3)
        np.testing.assert_allclose(getattr(in_small_batches, name), getattr(result, name), atol=1e-2)
    single = aligner.align(reference, moving[3])
    assert len(single) == 1 and abs(single.angle[0] - result.angle[3]) < 1e-2


def test_all_pairs(aligner, pair, poses):
    images = pair[0][:5]
    pairs, result = aligner.align_pairs(images)
    assert pairs.tolist() == [[0, 1], [0, 2], [0, 3], [0, 4], [1, 2], [1, 3], [1, 4], [2, 3], [2, 4], [3, 4]]
    # From the picture to image a it is pose a: from image b to image a it is pose a after pose b undone.
    wanted = poses[0][pairs[:, 0]] - poses[0][pairs[:, 1]]
    assert turn_error(result.angle, wanted).max() < 2.0
    by_hand = aligner.align(images[pairs[:, 0]], images[pairs[:, 1]])
    for name in ("angle", "shift", "score", "sigma", "symmetry"):
        np.testing.assert_allclose(getattr(result, name), getattr(by_hand, name), atol=1e-2)


def test_chosen_pairs(aligner, pair):
    images = np.concatenate([pair[0][:3], np.zeros((1, 64, 64))])
    pairs, result = aligner.align_pairs(images, [[2, 0], [1, 1], [0, 3], [0, 2]])
    assert pairs.tolist() == [[2, 0], [1, 1], [0, 3], [0, 2]]
    assert abs(result.angle[1]) < 0.02 and np.isnan(result.angle[2]) and result.score[2] == 0
    assert turn_error(result.angle[0], -result.angle[3]) < 0.5
    fast = aligner.align_pairs(images, [[2, 0]], max_shift=8, fast=True)[1]
    assert turn_error(fast.angle[0], result.angle[0]) < 4.0


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([[0, 3]], "pairs name images 0 to 3: expected 0 to 2"),
        ([[-1, 0]], "pairs name images -1 to 0"),
        ([0, 1], r"pairs of shape \(2,\)"),
        ([[0.0, 1.0]], "type float64"),
        (np.zeros((0, 2), int), r"\(0, 2\)"),
    ],
)
def test_pairs_that_are_not_there(aligner, pair, pairs, message):
    with pytest.raises(InputError, match=message):
        aligner.align_pairs(pair[0][:3], pairs)


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
    assert np.isinf(result.sigma[bad]).all() and result.symmetry[bad].tolist() == [1] * 3
    for name in ("angle", "shift", "score", "sigma", "symmetry"):
        np.testing.assert_allclose(getattr(result, name)[rest], getattr(good, name)[rest], rtol=1e-3, atol=1e-3)
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
    one = Result(*(getattr(result, name)[:1] for name in ("angle", "shift", "score", "sigma", "symmetry")))
    np.testing.assert_allclose(one.apply(moving[0]), aligned[0], atol=1e-5)
    doubled = dataclasses.replace(result, angle=result.angle.astype(float), shift=result.shift.astype(float))
    np.testing.assert_allclose(doubled.apply(moving.astype(float)), aligned, atol=1e-5)
    unknown = dataclasses.replace(one, angle=np.array([np.nan]), shift=np.full((1, 2), np.nan))
    np.testing.assert_allclose(unknown.apply(moving[0]), moving[0], atol=1e-5)
    with pytest.raises(InputError, match=r"\(1, height, width\)"):
        one.apply(moving)
    # The brightest spot lies 0.22 of the side to the right and 0.05 down; turned by y-up 90 degrees it lies above.
    quarter = dataclasses.replace(one, angle=np.array([90.0]), shift=np.array([[3.0, -1.0]])).transform
    np.testing.assert_allclose(quarter.apply([[0.22 * 64, 0.05 * 64]])[0, 0], [0.05 * 64 + 3.0, -0.22 * 64 - 1.0], atol=1e-4)


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


def test_the_saved_model_alone_gives_the_same(aligner, model_folder, pair):
    served = tf.saved_model.load(str(model_folder / "model" / "1")).signatures["serving_default"]
    assert set(served.structured_input_signature[1]) == {"fixed", "moving"}
    output = served(fixed=tf.constant(pair[0]), moving=tf.constant(pair[1]))
    result = aligner.align(*pair)
    assert set(output) == {"angle", "shift", "score", "sigma", "symmetry"}
    for name in output:
        np.testing.assert_allclose(output[name], getattr(result, name), atol=1e-4)


def test_the_configuration_travels_with_the_model(aligner):
    assert aligner.config["config"]["box"] == 64 and aligner.config["config"]["network"]["kind"] == "group"


def test_more_pairs_of_images_than_are_compared_at_a_time(aligner, picture):
    """All 276 pairs of 24 images, against `align` on the same pairs: in order, the last block too."""
    rng = np.random.default_rng(11)
    images = picture(rng.uniform(-180, 180, 24), rng.uniform(-3, 3, (24, 2))) + rng.normal(0, 0.1, (24, 64, 64))
    pairs, result = aligner.align_pairs(images, fast=True)
    assert len(pairs) == len(result) == 276
    one_by_one = aligner.align(images[pairs[:, 0]], images[pairs[:, 1]], fast=True)
    np.testing.assert_allclose(turn_error(result.angle, one_by_one.angle), np.zeros(276), atol=1e-2)
    np.testing.assert_allclose(result.shift, one_by_one.shift, atol=1e-2)
    assert result.symmetry.dtype == np.int32

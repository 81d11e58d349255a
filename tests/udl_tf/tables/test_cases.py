"""The pairs of the rows: their truth holds, training and test are apart, and the training's pairs come again."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.files import opening
from pipelines.geometry import homography
from pipelines.geometry.transforms import Displacement
from pipelines.geometry.warp import centre_crop, pulled, warp
from pipelines.pictures import phantoms
from udl_tf.rivals.tracking import cut
from udl_tf.tables import (
    agents_cases,
    cases,
    deformable_cases,
    features_cases,
    homography_cases,
    protocol,
    scales,
    tracking_cases,
)

TINY = dataclasses.replace(
    scales.scale("small"), batch=8, train_pairs=16, test_pairs=12, sources=6, sequences=2, frames=4, corner_reach=6.0
)


def agreement(first, second, margin=16):
    """Correlation of the middles of images (n, side, side), (n,)."""
    first, second = (np.asarray(part)[:, margin:-margin, margin:-margin].reshape(len(part), -1) for part in (first, second))
    first, second = (part - part.mean(1, keepdims=True) for part in (first, second))
    return (first * second).sum(1) / np.sqrt((first**2).sum(1) * (second**2).sum(1))


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    table = protocol.table("1")
    return cases.rigid(table, table.conditions[0], TINY, None, tmp_path_factory.mktemp("tables"), seed=3)


def test_the_truth_of_the_test_brings_moving_onto_fixed(photographs):
    inputs, truth = photographs.inputs, photographs.truth
    assert inputs["fixed"].shape == (12, 64, 64) and np.abs(truth["shift"]).max() <= 5.0
    found = warp(tf.constant(inputs["moving"]), truth["angle"], truth["shift"])
    assert np.median(agreement(found, inputs["fixed"])) > 0.95


def test_the_trainings_pairs_come_again_after_their_number_and_are_others_than_the_tests(photographs):
    batches = list(photographs.problem.train().take(4).as_numpy_iterator())
    np.testing.assert_array_equal(batches[0][0]["fixed"], batches[2][0]["fixed"])
    assert not np.array_equal(batches[0][0]["fixed"], batches[1][0]["fixed"])
    angles = np.concatenate([truth["angle"] for _, truth in batches[:2]])
    assert not np.isin(photographs.truth["angle"], angles).any()
    assert np.isfinite(batches[0][0]["fixed"]).all() and batches[0][0]["fixed"].shape == (8, 96, 96)  # room to disturb
    later = next(photographs.problem.training_data.train(1).as_numpy_iterator())
    np.testing.assert_array_equal(later[0]["fixed"], batches[1][0]["fixed"])


def test_phantoms_stand_in_for_class_averages(tmp_path):
    table = protocol.table("2", with_data=False)
    case = cases.rigid(table, table.conditions[1], TINY, None, tmp_path, seed=0)
    assert case.problem.config.network.spectrum_pad == 128 and case.problem.config.box == 64  # 256 for 128 pixels
    (path,) = (tmp_path / "phantoms").iterdir()
    np.testing.assert_array_equal(opening.open_source(path).read([0])[0], phantoms.particles(3, 128, 0, symmetry=1)[1])
    snr = case.problem.spectral_snr()
    assert snr.shape == (33,) and snr[1] > 10.0 * snr[30]
    found = warp(tf.constant(case.inputs["moving"]), case.truth["angle"], case.truth["shift"])
    apart = agreement(case.inputs["moving"], case.inputs["fixed"])
    assert np.mean(agreement(found, case.inputs["fixed"])) > np.mean(apart) + 0.05


def test_the_warm_start_keeps_its_share_of_the_steps():
    small = cases.config_of(True, protocol.PHOTO_CONDITIONS[2], TINY, 5)
    preset_share = 300 / 1000
    assert small.warm_steps == round(preset_share * small.steps) and small.steps == TINY.steps["photos"]["udl"]
    assert (small.noise, small.seed, small.batch) == ("gaussian:0.1", 5, 8)
    paper = cases.config_of(True, protocol.PHOTO_CONDITIONS[0], scales.scale("paper"), 0)
    assert (paper.steps, paper.warm_steps, paper.box) == (100_000, 2000, 128)


@pytest.mark.parametrize("taper", [1.0, np.hanning(64)[:, None] * np.hanning(64)])
def test_spectral_snr_of_white_images_is_the_snr_of_the_noise(taper):
    white = np.random.default_rng(0).normal(size=(40, 64, 64)).astype(np.float32)
    np.testing.assert_allclose(cases.spectral_snr(white, "gaussian:0.5", 0, taper)[6:], 0.5, rtol=0.15)
    assert cases.spectral_snr(white, "clean", 0, taper)[6:].min() > 500.0


@pytest.fixture(scope="module")
def planes():
    table = protocol.table("homography")
    return homography_cases.build(table, table.conditions[0], TINY, None, None, seed=1)


def test_homographies_of_the_truth_bring_moving_onto_fixed(planes):
    case = planes
    found = pulled(tf.constant(case.inputs["moving"]), homography.inverse(tf.constant(case.truth["homography"])))
    assert np.median(agreement(found, case.inputs["fixed"])) > 0.95
    inputs, truth = next(iter(case.problem.train()))
    assert inputs["fixed"].shape == (8, 76, 76) and inputs["moving"].shape == (8, 64, 64)
    found = pulled(inputs["moving"], homography.inverse(truth["homography"]))
    assert np.median(agreement(found, centre_crop(inputs["fixed"], 64))) > 0.95


def test_noise_of_homography_pairs_has_its_level_and_differs_in_both_images(planes):
    table = protocol.table("homography")
    clean, noisy = planes, homography_cases.build(table, table.conditions[1], TINY, None, None, seed=1)
    np.testing.assert_array_equal(clean.truth["homography"], noisy.truth["homography"])
    change = {name: noisy.inputs[name] - clean.inputs[name] for name in ("fixed", "moving")}
    for name, noise in change.items():
        np.testing.assert_allclose(clean.inputs[name].var((1, 2)) / noise.var((1, 2)), 0.5, rtol=0.1)  # the SNR
    assert np.abs(agreement(change["fixed"], change["moving"], 1)).max() < 0.1


def test_places_of_a_sequence_show_the_patch_in_every_frame():
    table = protocol.table("tracking")
    case = tracking_cases.build(table, table.conditions[0], TINY, None, None, seed=1)
    frames, places = case.inputs["frames"], case.truth["homography"]
    assert frames.shape == (2, 4, 96, 96) and places.shape == (2, 4, 3, 3)
    np.testing.assert_array_equal(case.inputs["start"], places[:, 0])
    for t in (1, 3):
        first = cut(tf.constant(frames[:, 0]), tf.constant(places[:, 0]), case.problem.side)
        assert agreement(cut(tf.constant(frames[:, t]), tf.constant(places[:, t]), case.problem.side), first).min() > 0.9
    inputs, truth = next(iter(case.problem.train()))
    assert (
        inputs["fixed"].shape == (8, 64, 64) and inputs["moving"].shape == (8, 96, 96) and truth["homography"].shape == (8, 3, 3)
    )


@pytest.mark.parametrize("number", [0, 2, 3], ids=["photographs", "sections", "cine"])
def test_fields_of_the_truth_bring_moving_onto_fixed(number):
    table, tiny = protocol.table("deformable"), dataclasses.replace(TINY, test_pairs=20)
    clean = dataclasses.replace(table.conditions[number], noise="clean")
    gain = 0.01 if number < 3 else 0.001  # two moments of a beat may be alike
    case = deformable_cases.build(table, clean, tiny, None, None, seed=1)
    assert np.linalg.norm(case.truth["displacement"], axis=-1).max() <= 4.0  # 8 pixels of 128
    for inputs, truth in ((case.inputs, case.truth), next(case.problem.train().as_numpy_iterator())):
        found = Displacement(truth["displacement"]).warp(inputs["moving"])
        after, before = (agreement(images, inputs["fixed"], 8) for images in (found, inputs["moving"]))
        assert np.median(after) > 0.95 and np.median(after) > np.median(before) + gain


def test_sections_of_the_test_are_none_of_the_trainings():
    options = {"batch": 2, "patch": 64, "max_shift": 5.0, "seed": 0}
    parts = [deformable_cases.sections(None, part, 80, options)._images for part in ("train", "val")]
    assert [len(part) for part in parts] == [8, 2]
    alike = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a in parts[0] for b in parts[1]]
    assert np.abs(alike).max() < 0.2


def test_features_are_measured_on_table_1s_pairs_and_learned_from_clean_pictures(photographs):
    table = protocol.table("features")
    assert table.kind == "features"
    case = features_cases.build(table, table.conditions[0], TINY, None, None, seed=3)
    np.testing.assert_array_equal(case.truth["angle"], photographs.truth["angle"])
    inputs, truth = next(case.problem.train().as_numpy_iterator())
    assert truth == {} and inputs["fixed"].shape == (8, 106, 106)
    np.testing.assert_array_equal(inputs["fixed"], inputs["moving"])
    dark = features_cases.build(table, table.conditions[3], TINY, None, None, seed=3)
    np.testing.assert_array_equal(dark.truth["angle"], case.truth["angle"])
    assert np.abs(dark.inputs["fixed"] - case.inputs["fixed"]).max() > 0.5
    np.testing.assert_array_equal(next(dark.problem.train().as_numpy_iterator())[0]["fixed"], inputs["fixed"])


def test_pairs_of_agents_begin_close_and_are_learned_from_larger_images():
    table = protocol.table("agents")
    case = agents_cases.build(table, table.conditions[0], TINY, None, None, seed=3)
    for inputs, truth in ((case.inputs, case.truth), next(case.problem.train().as_numpy_iterator())):
        assert 15.0 < np.abs(truth["angle"]).max() <= 30.0 and 5.0 < np.abs(truth["shift"]).max() <= 10.0
        found = warp(tf.constant(inputs["moving"]), truth["angle"], truth["shift"])
        assert np.median(agreement(found, inputs["fixed"], 24)) > 0.95
    assert case.inputs["fixed"].shape == (12, 64, 64) and inputs["fixed"].shape == (8, 120, 120)


@pytest.mark.parametrize(("name", "missing"), [("1", "photos/val"), ("2", "cryo/class_averages/empiar10034.mrc")])
def test_data_that_are_not_there_are_missed_at_once(name, missing, tmp_path):
    for folder in ("photos/train", "cryo/class_averages"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "cryo/class_averages/groel.mrc").touch()
    with pytest.raises(InputError, match=f"no such file or folder, expected {missing} in the folder given by --data"):
        cases.require(protocol.table(name), tmp_path)

"""Pairs that a score is calibrated on: how many of each part there are."""

import dataclasses

import numpy as np

from udl_tf.training import calibration_pairs


def test_fewer_pairs_are_the_same_parts(small_config):
    assert calibration_pairs.count(small_config) * calibration_pairs.BATCH == small_config.calibration_pairs == 6912
    half = dataclasses.replace(small_config, calibration_pairs=3456)
    assert calibration_pairs.count(half) == 13 + 7 + 2 + 7 + 4 + 3 + 2 + 2 + 2 + 4 + 2 + 4 + 2  # halves, to the even one
    few = dataclasses.replace(small_config, calibration_pairs=1, box=32)
    made = list(calibration_pairs.batches(few))
    assert len(made) == calibration_pairs.count(few) == len(calibration_pairs.PLAN) == 13
    assert all(fixed.shape == moving.shape == (64, 32, 32) for fixed, moving, _ in made)
    # Strangers and pairs of nothing have no angle.
    assert [bool(np.isnan(angle).all()) for *_, angle in made] == [number in (3, 4) for number in range(13)]


def test_photographs_are_also_nearly_aligned_or_of_fine_texture(small_config):
    photos = dataclasses.replace(small_config, material="photos", calibration_pairs=1, box=32)
    assert calibration_pairs.count(photos) == len(calibration_pairs.PLAN) + len(calibration_pairs.PHOTOGRAPHS)
    lying, texture = list(calibration_pairs.batches(photos))[13:15]
    assert 1.0 < np.abs(lying[2]).max() < 3.0 and 20.0 < np.abs(texture[2]).max() <= 180.0
    # Without noise, such a pair agrees as it lies far better than textures at any angle do.
    clean = [calibration_pairs._clean(photos, special) for special in ("lying", "texture")]
    alike = [np.mean(one[0] * one[1], (1, 2)) / (one[0].std((1, 2)) * one[1].std((1, 2))) for one in clean]
    assert np.median(alike[0]) > 0.5 > 0.3 > np.median(np.abs(alike[1]))

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

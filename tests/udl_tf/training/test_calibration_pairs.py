"""Pairs that a score is calibrated on: how many of each part there are."""

import dataclasses

import numpy as np

from udl_tf.training import calibration_pairs


def test_fewer_pairs_are_the_same_parts(small_config):
    assert calibration_pairs.count(small_config) * calibration_pairs.BATCH == small_config.calibration_pairs == 8192
    half = dataclasses.replace(small_config, calibration_pairs=4096)
    # Halves, to the even one.
    assert (
        calibration_pairs.count(half) == 13 + 7 + 2 + 7 + 2 + 4 + 3 + 2 + 3 + 2 + 2 + 2 + 4 + 2 + 3 + 4 + 2
    )  # halves, to the even one
    few = dataclasses.replace(small_config, calibration_pairs=1, box=32)
    made = list(calibration_pairs.batches(few))
    assert len(made) == calibration_pairs.count(few) == len(calibration_pairs.PLAN) == 17
    assert all(fixed.shape == moving.shape == (64, 32, 32) for fixed, moving, _ in made)
    # Strangers and pairs of nothing, beside noise or beside a reference, have no angle.
    assert [bool(np.isnan(angle).all()) for *_, angle in made] == [number in (3, 4, 5, 7) for number in range(17)]


def test_strangers_that_are_alike_share_their_lowest_frequencies_alone():
    random = np.random.default_rng(1)
    one, other = random.normal(size=(2, 50, 32, 32))
    made = calibration_pairs._alike(one, other, random)
    lowest = np.fft.rfft2(made)[:, 1, 0]  # one cycle per image
    np.testing.assert_allclose(lowest, np.fft.rfft2(one)[:, 1, 0])
    np.testing.assert_allclose(np.fft.rfft2(made)[:, 4:, 4:], np.fft.rfft2(other)[:, 4:, 4:])
    np.testing.assert_allclose(made.mean((1, 2)), 0.0, atol=1e-9)


def test_a_reference_is_clear_and_what_is_aligned_to_it_is_not(small_config, monkeypatch):
    monkeypatch.setattr(calibration_pairs, "PLAN", ((1, 1e-3, 1e-2, "reference"), (1, 0.0, 0.0, "reference")))
    made = list(calibration_pairs.batches(dataclasses.replace(small_config, calibration_pairs=1, box=32)))
    for fixed, moving, _ in made:
        # The noise has a standard deviation of 1, the object in it at least one of root 10.
        assert fixed.std((1, 2)).min() > 3.0 > 1.2 > moving.std((1, 2)).max()


def test_every_third_batch_is_of_half_the_box(small_config, monkeypatch):
    monkeypatch.setattr(calibration_pairs, "PLAN", ((3, 1e4, 1e5, ""),))
    config = dataclasses.replace(small_config, calibration_pairs=192, box=32)
    assert [fixed.shape for fixed, _, _ in calibration_pairs.batches(config)] == [(64, 32, 32)] * 2 + [(64, 16, 16)]


def test_half_the_particles_are_blurred_and_each_pair_alike():
    random = np.random.default_rng(0)
    gain = calibration_pairs._blur(64, random)  # (64, 64, 33)
    assert np.all(gain[:, 0, 0] == 1.0) and 20 < (gain == 1.0).all((1, 2)).sum() < 44
    white = random.normal(size=(64, 64, 64))
    seen = calibration_pairs._seen(white, 64, gain)
    np.testing.assert_allclose(seen.std((1, 2)), 1.0, rtol=1e-6)
    # Of white noise the power at a frequency is that of the gain's square.
    power = np.square(np.abs(np.fft.rfft2(seen)))
    low, high = power[:, 1:4, 1:4].mean((1, 2)), power[:, 24:32, 24:32].mean((1, 2))
    sharp = (gain == 1.0).all((1, 2))
    assert np.median((high / low)[sharp]) > 0.5 > 0.1 > np.quantile((high / low)[~sharp], 0.25)


def test_photographs_are_also_nearly_aligned_or_of_fine_texture(small_config):
    photos = dataclasses.replace(small_config, material="photos", calibration_pairs=1, box=32)
    assert calibration_pairs.count(photos) == len(calibration_pairs.PLAN) + len(calibration_pairs.PHOTOGRAPHS)
    lying, texture = list(calibration_pairs.batches(photos))[17:19]
    assert 1.0 < np.abs(lying[2]).max() < 3.0 and 20.0 < np.abs(texture[2]).max() <= 180.0
    # Without noise, such a pair agrees as it lies far better than textures at any angle do.
    clean = [calibration_pairs._clean(photos, special) for special in ("lying", "texture")]
    alike = [np.mean(one[0] * one[1], (1, 2)) / (one[0].std((1, 2)) * one[1].std((1, 2))) for one in clean]
    assert np.median(alike[0]) > 0.5 > 0.3 > np.median(np.abs(alike[1]))

"""Hypotheses of networks that know the angle alone, or the angle up to a half turn, from stand-ins that know it."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from pipelines.spectra import spectral_plane
from udl_tf.alignment.proposal import AngleProposal
from udl_tf.alignment.translation import ShiftSearch
from udl_tf.networks.window import soft_disc, windowed

ANGLE = np.array([50.0, -100.0, 170.0, -5.0])
SHIFT = np.array([[0.0, 0.0], [3.0, -5.0], [2.3, 0.4], [-4.6, 7.7]])


@pytest.fixture(scope="module")
def described(picture):
    """What a chain knows of noisy pairs."""
    rng = np.random.default_rng(0)

    def describe(images):
        images = tf.constant(images + rng.normal(0, 0.3, images.shape), tf.float32)
        return {"image": images, "plane": spectral_plane.plane(windowed(images, tf.constant(soft_disc(64))), 20)}

    return describe(picture(ANGLE, SHIFT)), describe(picture(np.zeros(4), np.zeros((4, 2))))


def proposed(config, described, output, period, bias=0.0, max_shift=16.0, **changes):
    config = dataclasses.replace(config, period=period, **changes)
    search = ShiftSearch(64, 20, 16.0)
    found = AngleProposal(lambda inputs, training: output, config, bias, search)(*described, tf.constant(max_shift))
    return tf.nest.map_structure(lambda part: part.numpy(), found)


def assert_first_is_right(found):
    np.testing.assert_allclose((found.angle[:, 0] - ANGLE + 180) % 360 - 180, np.zeros(4), atol=1e-3)
    np.testing.assert_allclose(found.shift[:, 0], SHIFT, atol=0.8)
    assert np.all(np.diff(found.value, axis=1) <= 0) and found.value.max() < 1


def test_a_half_turn_is_told_by_the_pictures(small_config, described):
    direction = geometry.direction_of(tf.constant(ANGLE % 180.0, tf.float32), 180.0)
    found = proposed(small_config, described, {"direction": direction}, 180.0)
    assert found.angle.shape == (4, 2) and found.shift.shape == (4, 2, 2)
    assert_first_is_right(found)
    np.testing.assert_allclose((found.angle[:, 1] - ANGLE) % 360, np.full(4, 180.0), atol=1e-3)


def test_an_angle_of_the_full_circle_has_no_twin(small_config, described):
    found = proposed(small_config, described, {"angle": tf.constant(ANGLE, tf.float32)}, 360.0)
    assert found.angle.shape == (4, 1)
    assert_first_is_right(found)


def test_the_constant_of_the_network_is_taken_off(small_config, described):
    found = proposed(small_config, described, {"angle": tf.constant(ANGLE + 7.0, tf.float32)}, 360.0, bias=7.0)
    assert_first_is_right(found)


def test_the_best_of_several_peaks(small_config, described):
    """The highest peak of each correlation is a wrong one: the pictures tell."""
    samples = np.arange(180)
    correlation = np.zeros((4, 180), np.float32)
    for place, height in ((ANGLE, 0.5), (ANGLE + 40, 0.9), (ANGLE + 90, 0.7)):
        distance = np.abs((samples - place[:, None] + 90) % 180 - 90)
        correlation = np.maximum(correlation, height * np.exp(-((distance / 3) ** 2) / 2)).astype(np.float32)
    found = proposed(small_config, described, {"correlation": tf.constant(correlation)}, 180.0, candidates=3)
    assert found.angle.shape == (4, 6)
    assert_first_is_right(found)


def test_shifts_stay_within_the_limit(small_config, described):
    found = proposed(small_config, described, {"angle": tf.constant(ANGLE, tf.float32)}, 360.0, max_shift=4.0)
    assert np.linalg.norm(found.shift, axis=-1).max() < 4.0 + 1.5
    free = proposed(small_config, described, {"angle": tf.constant(ANGLE, tf.float32)}, 360.0)
    assert found.value[3, 0] < 0.8 * free.value[3, 0] and found.value[0, 0] == pytest.approx(free.value[0, 0])

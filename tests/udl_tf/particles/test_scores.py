"""Scores and weights of particles: Bayes' rule by hand, noise below and particles above."""

import math

import numpy as np
import pytest

from udl_tf.particles import scores

SHIFT = 12.0


def many(contrast, error, count=9):
    """Amplitudes and detections of `count` particles of contrast 1, of which the first one has another contrast and error."""
    amplitude, detection = np.ones(count), np.full(count, 20.0)
    amplitude[0], detection[0] = contrast, contrast / error
    return 0.3 * amplitude, detection  # grey values of any scale: contrast is counted in shares of the median


def density(value, mean, deviation):
    return math.exp(-0.5 * ((value - mean) / deviation) ** 2) / deviation / math.sqrt(2 * math.pi)


@pytest.mark.parametrize(("contrast", "error"), [(1.0, 0.15), (0.8, 0.2), (1.3, 0.25), (0.5, 0.3)])
@pytest.mark.parametrize("variance", [0.01, 16.0])
def test_bayes_rule_by_hand(contrast, error, variance):
    """Two cases of equal prior: a particle, of contrast 1 +- SPREAD; or noise, of which the best of all poses was found."""
    particle = density(contrast, 1.0, math.hypot(scores.SPREAD, error))
    poses = 360.0 / scores.APART * (2 * SHIFT / scores.APART) ** 2
    noise = poses * density(contrast, 0.0, error)
    within = math.erf(5.0 / math.sqrt(variance) / math.sqrt(2.0))  # of a normal distribution within 5 degrees
    found = scores.score(*many(contrast, error), np.full(9, variance), SHIFT)
    np.testing.assert_allclose(found[0], particle / (particle + noise) * within, rtol=2e-3, atol=1e-6)


def test_noise_is_below_and_particles_above():
    """The best of M poses of noise, M times drawn, seldom passes for a particle; what stands out of the noise does."""
    random = np.random.default_rng(0)
    poses = int(360.0 / scores.APART * (2 * SHIFT / scores.APART) ** 2)
    noise = random.standard_normal((60, poses)).max(1)  # detections
    real = 12.0 + random.standard_normal(200)
    detection = np.concatenate([noise, real])
    amplitude = detection / 12.0
    usable, variance = np.ones(260, bool), np.full(260, 1.0)
    score = scores.score(amplitude, detection, variance, SHIFT)
    weight = scores.weight(amplitude, detection, usable, SHIFT)
    assert np.mean(score[:60] > 0.5) < 0.1 and score[60:].min() > 0.9
    assert weight[:60].mean() < 0.15 and weight[60:].all()
    assert weight.dtype == np.float32 and set(weight) == {0.0, 1.0}


def test_an_amplitude_below_zero_is_no_particle():
    amplitude, detection = many(1.0, 0.1)
    amplitude[0], detection[0] = -amplitude[0], -detection[0]
    assert scores.score(amplitude, detection, np.full(9, 1.0), SHIFT)[0] < 1e-6
    np.testing.assert_array_equal(scores.weight(amplitude, detection, np.ones(9, bool), SHIFT), [0] + [1] * 8)
    nothing = scores.score(-amplitude[1:], -detection[1:], np.full(8, 1.0), SHIFT)
    assert np.isfinite(nothing).all() and nothing.max() < 1e-6


def test_faint_particles_are_left_out_where_that_is_sure():
    contrast = scores.FAINT - 0.1
    sure, unsure = many(contrast, 0.04), many(contrast, 0.15)  # the latter may as well be 0.7
    assert scores.weight(*sure, np.ones(9, bool), 0.5).tolist() == [0] + [1] * 8
    assert scores.weight(*unsure, np.ones(9, bool), 0.5).all()


def test_round_particles_have_no_angle_but_stay_in_the_average():
    """All of a round particle is detected, and nothing of what tells the angle: the score is low, the weight is 1."""
    random = np.random.default_rng(1)
    amplitude, detection = np.ones(30), np.full(30, 15.0)
    uneven_detection = random.standard_normal(30)
    uneven = uneven_detection * 0.5  # of little power: a large error
    score = scores.score(uneven, uneven_detection, np.full(30, 3000.0), SHIFT)
    assert score.max() < 0.2
    assert scores.weight(amplitude, detection, np.ones(30, bool), SHIFT).all()


def test_images_that_cannot_be_used_and_stacks_of_nothing():
    amplitude, detection = many(1.0, 0.1)
    usable = np.arange(9) != 4
    np.testing.assert_array_equal(scores.weight(amplitude, detection, usable, SHIFT), usable)
    np.testing.assert_array_equal(scores.weight(0.0 * amplitude, 0.0 * detection, usable, SHIFT), usable)  # if none is good, all


def test_a_search_over_fewer_places_believes_more():
    amplitude, detection = many(1.0, 0.25)
    wide, narrow = (scores.score(amplitude, detection, np.full(9, 1.0), shift)[0] for shift in (24.0, 3.0))
    assert 0 < wide < narrow < 1


def test_what_is_surely_faint_is_not_trusted():
    found = scores.bright(*many(scores.FAINT - 0.15, 0.05))
    # Three standard errors below, less one: the normal distribution beyond two is 0.0228; the others are sure.
    np.testing.assert_allclose(found, [0.02275] + [1.0] * 8, atol=1e-3)
    assert scores.bright(*many(1.0, 0.3))[0] > 0.99  # faint and unsure is another matter

"""Standard error and score: by hand, and calibrated on numbers whose law is known."""

import math

import numpy as np
import pytest
import tensorflow as tf

from udl_tf.alignment.confidence import Confidence, features
from udl_tf.training import confidence

SIGNS = 3  # any number of them


def constants(*values):
    return [tf.constant(value, tf.float32) for value in values]


def raw(variance, evidence, potential, lead, signs=None):
    """Raw numbers of pairs, (n,) each."""
    names = ("variance", "evidence", "potential", "lead")
    found = dict(zip(names, constants(variance, evidence, potential, lead), strict=True))
    signs = np.zeros((len(variance), SIGNS)) if signs is None else signs
    return {**found, "signs": tf.constant(signs, tf.float32)}


def test_standard_error_by_hand():
    found = Confidence(sigma=(math.log(2.0), 1.0)).standard_error(tf.constant([0.25, 4.0]))
    np.testing.assert_allclose(found, [1.0, 4.0], rtol=1e-4)  # twice the raw 0.5 and 2
    found = Confidence(sigma=(0.0, 0.5)).standard_error(tf.constant([0.0625, 16.0]))
    np.testing.assert_allclose(found, [0.5, 2.0], rtol=1e-4)  # its root: of 0.25 and 4
    assert np.isfinite(Confidence().standard_error(tf.constant([0.0]))).all()
    # Of an angle that may be anything, uniform over the circle: no error bar is wider.
    np.testing.assert_allclose(
        Confidence().standard_error(tf.constant([1e8])), [np.std(np.linspace(-180, 180, 10**5))], rtol=1e-3
    )


def test_probability_by_hand():
    known = Confidence(sigma=(0.0, 1.0), score=(-1.0, 2.0, -0.7, 3.0))
    variance, evidence, potential, lead = 4.0, 6.0, 9.0, 1.5
    logit = -1.0 + 2.0 * math.log(7.0) - 0.7 * math.log(7.0 / 10.0) + 3.0 * math.log(2.5)
    within = math.erf(5.0 / 2.0 / math.sqrt(2.0))  # of a normal distribution with a standard error of 2 degrees
    expected = within / (1.0 + math.exp(-logit))
    found = known.probability(raw([variance], [evidence], [potential], [lead]))
    assert float(found[0]) == pytest.approx(expected, rel=1e-4)


def test_hidden_units_by_hand():
    inside, outside = np.zeros((2, 5 + SIGNS)), np.array([1.5, -2.0])
    inside[0, 0], inside[0, 5], inside[1, 7] = 0.3, 2.0, 1.0  # of 1, of the first sign, of the third
    known = Confidence(score=(-1.0,), hidden=(tuple(map(tuple, inside)), tuple(outside)))
    found = known.logit(features(raw([4.0], [6.0], [9.0], [1.5], [[0.5, 9.0, -0.7]])))
    np.testing.assert_allclose(found, [-1.0 + 1.5 * math.tanh(1.3) - 2.0 * math.tanh(-0.7)], rtol=1e-5)


def test_fast_probability_by_hand():
    known = Confidence(fast_score=(-1.0, 2.0, 10.0))
    found = known.fast_probability(*constants([0.5, 0.9], [0.1, 0.0]))
    np.testing.assert_allclose(found, [1 / (1 + math.exp(-1.0)), 1 / (1 + math.exp(-0.8))], rtol=1e-5)
    whole = Confidence(fast_score=(-1.0, 2.0, 10.0, 4.0, -20.0, 100.0))
    found = whole.fast_probability(*constants([0.5], [0.1]))  # -1 + 1 + 1 + 4 / 4 - 20 / 20 + 1
    np.testing.assert_allclose(found, [1 / (1 + math.exp(-2.0))], rtol=1e-5)


def test_the_score_rises_with_what_speaks_for_the_pair():
    known = Confidence()
    rising = np.linspace(0.0, 40.0, 9)
    ones = np.ones(9)
    by_evidence = known.probability(raw(ones, rising, 40.0 * ones, 3.0 * ones)).numpy()
    by_lead = known.probability(raw(ones, 10.0 * ones, 40.0 * ones, rising)).numpy()
    by_error = known.probability(raw(0.1 + rising, 10.0 * ones, 40.0 * ones, 3.0 * ones)).numpy()
    fast = known.fast_probability(*constants(rising / 40.0, 0.1 * ones)).numpy()
    assert np.all(np.diff(by_evidence) > 0) and np.all(np.diff(by_lead) > 0) and np.all(np.diff(fast) > 0)
    assert np.all(np.diff(by_error) < 0)
    for score in (by_evidence, by_lead, by_error, fast):
        assert score.min() >= 0.0 and score.max() <= 1.0
    assert float(known.probability(raw([1e4], [0.0], [40.0], [0.0]))[0]) < 0.05


def test_features_of_nothing_are_finite():
    found = features(raw([0.0, 1.0], [-1.0, 0.0], [-0.5, 0.0], [-2.0, 0.0])).numpy()
    assert np.isfinite(found).all() and found[1].tolist() == pytest.approx([1.0] + [0.0] * (4 + SIGNS), abs=1e-6)


def test_logistic_regression_recovers_the_weights():
    rng = np.random.default_rng(0)
    columns = np.concatenate([np.ones((40_000, 1)), rng.normal(size=(40_000, 2))], 1)
    truth = np.array([-0.5, 2.0, -1.0])
    right = rng.uniform(size=40_000) < 1 / (1 + np.exp(-columns @ truth))
    np.testing.assert_allclose(confidence.logistic(columns, right), truth, atol=0.1)


def test_logistic_regression_of_classes_that_can_be_parted_is_finite():
    columns = np.stack([np.ones(20), np.arange(20.0) - 9.5], 1)
    weights = confidence.logistic(columns, np.arange(20) > 9)
    assert np.isfinite(weights).all() and weights[1] > 1.0
    everything = confidence.logistic(columns, np.ones(20, bool))
    assert np.isfinite(everything).all() and 1 / (1 + np.exp(-everything[0])) > 0.95


def test_the_small_network_learns_what_is_not_linear():
    count, rng = 7000, np.random.default_rng(0)  # about as many pairs as a calibration has
    columns = np.concatenate([np.ones((count, 1)), rng.normal(size=(count, 2))], 1)
    chance = np.where(columns[:, 1] * columns[:, 2] > 0, 0.95, 0.05)  # neither column says anything by itself
    score, hidden = confidence.network(columns, rng.uniform(size=count) < chance)
    logit = Confidence(score=score, hidden=hidden).logit(tf.constant(columns, tf.float32)).numpy()
    found = 1.0 / (1.0 + np.exp(-logit))
    assert np.abs(found - chance).mean() < 0.12
    assert np.mean((found > 0.5) == (chance > 0.5)) > 0.97


class Oracle:
    """A chain for images that say what it is to find: truth, raw standard error, and error in units of that."""

    box, reach = 8, 0.25

    def describe(self, images):
        return images

    describe_fixed = describe

    def careful(self, fixed, moving, limit, size=None):
        truth, raw, error = (moving[:, 0, i] for i in range(3))
        same = tf.cast(tf.equal(fixed[:, 0, 0], truth), tf.float32)
        evidence = 3.0 + 30.0 * same + moving[:, 0, 3]
        one = tf.ones_like(truth)
        numbers = {
            "variance": raw**2,
            "evidence": evidence,
            "potential": 40.0 * one,
            "lead": evidence / 2.0,
            "symmetry": tf.cast(one, tf.int32),
            "signs": tf.zeros((tf.shape(one)[0], SIGNS)),
        }
        return {"angle": truth + error * raw, "shift": tf.stack([one, one], 1), **numbers}

    def quick(self, fixed, moving, limit):
        found = self.careful(fixed, moving, limit)
        lower = {name: found[name] / 40.0 for name in ("evidence", "lead")}
        return {**found, **lower, "variance": tf.ones_like(found["lead"])}


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_calibration(small_config, monkeypatch, factor):
    """Errors are normal, with `factor` times the raw standard error; strangers have less evidence."""

    def batches(config):
        rng = np.random.default_rng(1)
        for _ in range(16):
            images = np.zeros((2, 128, 8, 8), np.float32)
            images[:, :, 0, 0] = rng.uniform(-180, 180, 128)
            images[0, 96:, 0, 0] += 50.0  # strangers
            images[1, :, 0, 1] = np.exp(rng.uniform(np.log(0.05), np.log(0.8), 128))
            images[1, :, 0, 2], images[1, :, 0, 3] = factor * rng.normal(size=128), rng.normal(size=128)
            yield *images, np.where(np.arange(128) < 96, images[1, :, 0, 0], np.nan)

    monkeypatch.setattr(confidence.calibration_pairs, "batches", batches)
    known = confidence.calibrate(Oracle(), small_config)
    error = tf.constant([0.1, 0.3, 0.7])
    np.testing.assert_allclose(known.standard_error(error**2), factor * error.numpy(), rtol=0.15)
    assert known.probability(raw([0.01], [33.0], [40.0], [16.5])).numpy() > 0.9
    assert known.probability(raw([0.01], [3.0], [40.0], [1.5])).numpy() < 0.1
    assert known.fast_probability(*constants([33.0 / 40], [16.5 / 40])).numpy() > 0.9
    assert known.fast_probability(*constants([3.0 / 40], [1.5 / 40])).numpy() < 0.1
    spread = factor * np.sqrt((0.8**2 - 0.05**2) / (2 * np.log(16.0)))  # root mean square of all errors
    assert 0.9 * spread < known.fast_sigma < 1.6 * spread

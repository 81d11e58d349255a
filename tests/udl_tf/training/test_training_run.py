"""Whole training runs on small data: that they learn, that a seed decides them, and that the truth never enters."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry, pairs
from udl_tf.networks.build import build
from udl_tf.networks.polar import PolarConfig
from udl_tf.networks.siamese import SiameseConfig
from udl_tf.training import errors, optimizer, pair_task, trainer
from udl_tf.training.datasets import gather


@pytest.fixture(scope="module")
def config(small_config):
    return dataclasses.replace(small_config, seed=3)


@pytest.fixture(scope="module")
def gathered(config):
    return gather(config)


@pytest.fixture(scope="module")
def trained(config, gathered):
    return trainer.train(config, gathered, verbose=0)


def weights_of(trained):
    return np.concatenate([np.ravel(weight) for weight in trained.model.network.get_weights()])


POLAR = {"network": PolarConfig(angles=128, harmonics=45, last_ring=30), "period": 180.0, "noise": "gaussian:0.2"}
STARTS = {  # of how much steeper weights, with which settings, and the share of the error that may be left
    "correlation": (0.5, {"noise": "gaussian:0.1", "learning_rate": 0.1, "batch": 32, "steps": 12}, 0.7),
    "features": (3.0, {**POLAR, "learning_rate": 0.3, "batch": 32, "steps": 23}, 0.5),
}


@pytest.mark.slow("trains until it is better")
@pytest.mark.parametrize("layer", [pytest.param("features", marks=pytest.mark.once("the other has all of Keras")), "correlation"])
def test_the_error_falls(config, monkeypatch, layer):
    """From ring weights that grow with the frequency, so that noise rules, UDL finds better ones."""
    steepness, changes, share = STARTS[layer]
    config = dataclasses.replace(config, **changes)
    gathered = gather(config)

    def badly_started(config):
        network = build(config)
        weight = network.get_layer(layer).log_weight
        weight.assign(tf.linspace(-steepness, steepness, weight.shape[0]))
        return network

    inputs, truth = pairs.collect(gathered.held_out, 256)
    direction = badly_started(config)({name: tf.constant(x) for name, x in inputs.items()})["direction"]
    angle = geometry.angle_of(direction, config.period)
    before = np.mean(geometry.angular_distance(angle.numpy(), truth["angle"], 180.0))
    monkeypatch.setattr(pair_task, "build", badly_started)
    run = trainer.train(config, gathered, verbose=0)
    curve = run.history["rotation_error_deg"]
    assert run.steps == config.steps and run.history["step"][-1] == config.steps
    assert curve[-1] < share * before, (before, curve)


def test_history_and_calibration(trained):
    assert trained.history["step"] == [1, 2, 3, 4] and trained.steps == 4
    lengths = {name: len(values) for name, values in trained.history.items()}
    assert lengths == {"step": 4, "loss": 4, "consistency_deg": 4, "learning_rate": 4, "rotation_error_deg": 4}
    # Half a cosine from 0.05 down to 0, by hand.
    np.testing.assert_allclose(trained.history["learning_rate"], 0.025 + 0.025 * np.cos(np.pi * np.arange(1, 5) / 4), atol=1e-8)
    assert all(0 < loss < 2 for loss in trained.history["loss"]) and not trained.interrupted
    assert abs(trained.calibration.bias_deg) < 2.0  # zero by construction, but for the noise
    assert float(trained.model.bias_deg) == pytest.approx(trained.calibration.bias_deg)


def test_a_second_run_with_wrong_truth_is_bit_identical(config, trained):
    """Shows two things at once: that the seed decides everything, and that the truth decides nothing."""

    def garbled(inputs, truth):
        return inputs, {name: 17.0 * value + 50.0 for name, value in truth.items()}

    again = gather(config)
    train = again.train
    again = again._replace(train=lambda start=0: train(start).map(garbled), held_out=again.held_out.map(garbled))
    blind = trainer.train(config, again, verbose=0)
    np.testing.assert_array_equal(weights_of(blind), weights_of(trained))
    assert blind.calibration == trained.calibration and blind.history["loss"] == trained.history["loss"]
    assert min(blind.history["rotation_error_deg"]) > 20  # the measurement does look at it


@pytest.mark.once("another training is made above")
def test_another_seed_and_no_truth(config, gathered, trained):
    config = dataclasses.replace(config, seed=4, steps=2)
    run = trainer.train(config, gathered._replace(has_truth=False), verbose=0)
    assert run.steps == 2 and "rotation_error_deg" not in run.history and len(run.history["consistency_deg"]) == 2
    assert run.history["loss"][0] != trained.history["loss"][0]


def test_the_papers_network_trains_on_photographs(small_config):
    network = SiameseConfig(head="direction", mask_widths=(2, 1), feature_widths=(4, 8), match_widths=(8,), dense_widths=(16,))
    photos = {"material": "photos", "noise": "clean", "period": 360.0, "warm_steps": 1, "decay": "paper"}
    config = dataclasses.replace(small_config, network=network, box=32, steps=2, sources=4, batch=8, **photos)
    run = trainer.train(config, gather(config), verbose=0)
    assert np.isfinite(run.history["loss"]).all() and 45 < run.history["rotation_error_deg"][-1] < 135
    assert run.model.network.name == "siamese" and np.isfinite(weights_of(run)).all()


def test_learning_rates_by_hand(small_config):
    paper = optimizer.learning_rate(dataclasses.replace(small_config, decay="paper", learning_rate=5e-4))
    found = [float(paper(step)) for step in (0, 11_999, 12_000, 24_000, 36_001)]
    np.testing.assert_allclose(found, [5e-4, 5e-4, 4e-4, 3.2e-4, 2.56e-4], rtol=1e-5)
    cosine = optimizer.learning_rate(dataclasses.replace(small_config, decay="cosine", learning_rate=0.1, steps=300))
    found = [float(cosine(step)) for step in (0, 100, 150, 300, 400)]
    np.testing.assert_allclose(found, [0.1, 0.075, 0.05, 0.0, 0.0], atol=1e-7)


def test_summaries_by_hand():
    assert errors.summary(np.arange(101.0)[::-1]) == {"mean": 50.0, "median": 50.0, "p95": 95.0}
    error = errors.rotation_error(np.array([170.0, -170.0, 3.0], np.float32), np.array([-170.0, 5.0, 1.0]), 180.0)
    np.testing.assert_allclose(error, [20.0, 5.0, 2.0])
    np.testing.assert_allclose(errors.rotation_error([170.0, -170.0], [-170.0, 5.0], 360.0), [20.0, 175.0])

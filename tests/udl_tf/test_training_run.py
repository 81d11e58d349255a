"""Whole training runs on small data: that they learn, that a seed decides them, and that the truth never enters."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from pipelines import leaves
from udl_tf.networks.polar import PolarConfig
from udl_tf.networks.siamese import SiameseConfig
from udl_tf.training import trainer
from udl_tf.training.material import gather


@pytest.fixture(scope="module")
def config(small_config):
    return dataclasses.replace(small_config, network=PolarConfig(angles=128, harmonics=45, last_ring=30), seed=3)


@pytest.fixture(scope="module")
def material(config):
    return gather(config)


def weights_of(trained):
    return np.concatenate([np.ravel(weight) for weight in trained.model.network.get_weights()])


@pytest.fixture(scope="module")
def trained(config, material):
    return trainer.train(config, material, verbose=0)


def test_the_error_falls(config, material, monkeypatch):
    """From flat ring weights, which let the noisy high frequencies rule, UDL finds better ones."""
    from udl_tf.training import trainer as module

    def flat(config):
        network = build(config)
        weight = network.get_layer("features").log_weight
        weight.assign(tf.zeros_like(weight))
        return network

    build = module.build
    monkeypatch.setattr(module, "build", flat)
    config = dataclasses.replace(config, steps=40, batch=32)
    errors = trainer.train(config, gather(config), verbose=0).history["rotation_error_deg"]
    assert errors[0] > 6.0 and errors[-1] < 4.0, errors


def test_history_and_calibration(trained):
    assert trained.history["step"] == [1, 2, 3, 4] and trained.steps == 4
    assert {name: len(values) for name, values in trained.history.items()} == {
        "step": 4,
        "loss": 4,
        "rotation_error_deg": 4,
    }
    assert all(0 < loss < 2 for loss in trained.history["loss"]) and not trained.interrupted
    assert abs(trained.calibration.bias_deg) < 1.0  # zero by construction, but for the noise
    assert float(trained.model.bias_deg) == pytest.approx(trained.calibration.bias_deg)


def test_two_runs_with_one_seed_are_equal(config, material, trained):
    again = trainer.train(config, gather(config), verbose=0)
    np.testing.assert_array_equal(weights_of(again), weights_of(trained))
    assert again.history == trained.history and again.calibration == trained.calibration
    other = trainer.train(dataclasses.replace(config, seed=4), material, verbose=0)
    assert np.abs(weights_of(other) - weights_of(trained)).max() > 1e-4


def test_the_truth_never_enters_training(config, material, trained):
    def garbled(inputs, truth):
        return inputs, {name: 17.0 * value + 50.0 for name, value in truth.items()}

    wrong = material._replace(train=material.train.map(garbled), held_out=material.held_out.map(garbled))
    blind = trainer.train(config, wrong, verbose=0)
    np.testing.assert_array_equal(weights_of(blind), weights_of(trained))
    assert blind.calibration == trained.calibration and blind.history["loss"] == trained.history["loss"]
    assert min(blind.history["rotation_error_deg"]) > 20  # the measurement does see it


@pytest.mark.parametrize(("steps", "expected"), [(45, 45), (1, 1)])
def test_exactly_the_asked_steps_are_done(config, material, steps, expected):
    config = dataclasses.replace(config, steps=steps, network=PolarConfig(angles=32, harmonics=8, last_ring=8, pad=64))
    run = trainer.train(config, material._replace(has_truth=False), verbose=0)
    assert run.steps == expected and run.history["step"][-1] == expected
    assert run.history["rotation_error_deg"] == [] and len(run.history["loss"]) == len(run.history["step"])


def test_an_interrupted_run_gives_what_it_has(config, material, monkeypatch):
    original = trainer._Curve.on_epoch_end

    def interrupt(self, epoch, logs=None):
        original(self, epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(trainer._Curve, "on_epoch_end", interrupt)
    run = trainer.train(config, material, verbose=0)
    assert run.interrupted and run.steps == 2 and run.history["step"] == [1, 2] and run.seconds > 0


def test_the_papers_network_trains_on_photographs(small_config):
    network = SiameseConfig(
        box=32, head="direction", mask_widths=(2, 1), feature_widths=(4, 8), match_widths=(8,), dense_widths=(16,)
    )
    config = dataclasses.replace(
        small_config, network=network, box=32, period=360.0, material="photos", noise="clean", warm_steps=1, decay="paper"
    )
    material = gather(config)
    assert material.has_truth and "dead-leaves" in material.description
    run = trainer.train(config, material, verbose=0)
    assert np.isfinite(run.history["loss"]).all() and 0 < run.history["rotation_error_deg"][-1] <= 180
    assert run.model.network.name == "siamese"


def test_logs_are_written(config, material, tmp_path):
    trainer.train(dataclasses.replace(config, steps=1), material, str(tmp_path / "logs"), verbose=0)
    assert list((tmp_path / "logs").rglob("events.out.tfevents.*"))


def test_learning_rates_by_hand(small_config):
    paper = trainer.learning_rate(dataclasses.replace(small_config, decay="paper", learning_rate=5e-4))
    found = [float(paper(step)) for step in (0, 11_999, 12_000, 24_000, 36_001)]
    np.testing.assert_allclose(found, [5e-4, 5e-4, 4e-4, 3.2e-4, 2.56e-4], rtol=1e-5)
    cosine = trainer.learning_rate(dataclasses.replace(small_config, decay="cosine", learning_rate=0.1, steps=300))
    found = [float(cosine(step)) for step in (0, 100, 150, 300, 400)]
    np.testing.assert_allclose(found, [0.1, 0.075, 0.05, 0.0, 0.0], atol=1e-7)


def test_summaries_by_hand():
    assert trainer.summary(np.arange(101.0)[::-1]) == {"mean": 50.0, "median": 50.0, "p95": 95.0}
    error = trainer.rotation_error(np.array([170.0, -170.0, 3.0], np.float32), np.array([-170.0, 5.0, 1.0]), 180.0)
    np.testing.assert_allclose(error, [20.0, 5.0, 2.0])
    np.testing.assert_allclose(trainer.rotation_error([170.0, -170.0], [-170.0, 5.0], 360.0), [20.0, 175.0])


def test_pictures_of_held_out_photographs_are_others(small_config):
    """The dead leaves trained on and those held out come from different seeds."""
    one, other = (leaves.dead_leaves(2, 64, seed) for seed in (small_config.seed, small_config.seed + 1))
    assert np.abs(one - other).max() > 20

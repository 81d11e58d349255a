"""The training step as one XLA program is the step that is not compiled: same losses, same moves of the weights."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from udl_tf.networks.siamese import SiameseConfig
from udl_tf.rivals.pair_model import PairModel
from udl_tf.training import hardware, trainer
from udl_tf.training.datasets import gather

SIAMESE = SiameseConfig(
    head="direction", mask_widths=(2, 1), feature_widths=(4, 8), match_widths=(8,), dense_widths=(16,), spectrum_crop=16
)
SETTINGS = {"network": SIAMESE, "box": 48, "batch": 4, "warm_steps": 1, "self_pair_share": 0.5}
RATE = 1e-2  # of plain gradient descent: Adam turns rounding of gradients near zero into steps of the learning rate


def trained(config, data, batches, xla):
    """Logs of each step, weights before and weights after."""
    model = trainer.compiled(config, data)
    model.compile(optimizer=tf.keras.optimizers.SGD(RATE), jit_compile=xla)
    before = [weight.copy() for weight in model.network.get_weights()]
    step = tf.function(model.train_step, jit_compile=xla)
    return [step(inputs) for inputs in batches], before, model.network.get_weights()


@pytest.mark.once("two compilations of a step")
def test_the_same_with_and_without(small_config):
    config = dataclasses.replace(small_config, **SETTINGS)
    data = gather(config)
    batches = [inputs for inputs, _ in data.train().take(2)]  # warm, then not
    plain, before, expected = trained(config, data, batches, xla=False)
    logs, _, found = trained(config, data, batches, xla=True)
    for one, other in zip(plain, logs, strict=True):
        assert "fetched" in one and "fetched" not in other  # XLA has no clock
        np.testing.assert_allclose(other["loss"], one["loss"], rtol=1e-4)
    moved = max(np.abs(after - start).max() for after, start in zip(expected, before, strict=True))
    assert moved > 1e-4
    for after, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(other, after, rtol=0, atol=1e-2 * moved)


class Supervised(PairModel):
    """The error of a network that knows nothing but a scale."""

    def pair_losses(self, inputs, truth, training):
        return tf.square(self(inputs, training=training)["angle"] - truth["angle"])


def test_a_supervised_step():
    inputs = {name: tf.keras.Input((8, 8), name=name) for name in ("fixed", "moving")}
    both = tf.keras.layers.Flatten()(tf.keras.layers.Concatenate()([inputs["fixed"], inputs["moving"]]))
    angle = tf.keras.layers.Dense(1, kernel_initializer="ones")(both)
    network = tf.keras.Model(inputs, {"angle": tf.keras.layers.Reshape(())(angle)})
    rng, start = np.random.default_rng(0), network.get_weights()
    pair = {name: tf.constant(rng.normal(size=(4, 8, 8)), tf.float32) for name in inputs}
    losses = []
    for xla in (False, True):
        network.set_weights(start)
        model = Supervised(network)
        model.compile(optimizer=tf.keras.optimizers.SGD(1e-3), jit_compile=xla)
        step = tf.function(model.train_step, jit_compile=xla)
        truth = {"angle": tf.constant([1.0, 2.0, 3.0, 4.0])}
        losses.append([float(step((pair, truth))["loss"]) for _ in range(2)])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)
    assert losses[0][1] < losses[0][0]


def test_nobody_compiles_unasked(small_config):
    model = trainer.compiled(dataclasses.replace(small_config, **SETTINGS), gather(small_config))
    assert not model.jit_compile
    model.compile(optimizer="sgd")
    assert not model.jit_compile


def test_when_it_is_compiled(monkeypatch):
    strategy = object()
    assert hardware.compiles("on") and not hardware.compiles("off") and not hardware.compiles("auto")
    monkeypatch.setattr(hardware.tf.config, "list_physical_devices", lambda _: ["a GPU"])
    assert hardware.compiles("auto") and not hardware.compiles("auto", deterministic=True)
    assert not hardware.compiles("auto", strategy) and not hardware.compiles("off")
    with pytest.raises(InputError, match="received --xla on with --strategy"):
        hardware.compiles("on", strategy)
    with pytest.raises(InputError, match="received 'maybe', expected one of auto, on, off"):
        hardware.compiles("maybe")

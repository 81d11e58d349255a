"""Tasks: a made-up one is trained, saved, measured and resumed by the code that knows pairs only as one of several."""

import collections
import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from udl_tf.networks import registry
from udl_tf.networks.entry import Network
from udl_tf.networks.search_space import Space
from udl_tf.presets import PRESETS, as_dict
from udl_tf.training import runs, tasks
from udl_tf.training.board import Board
from udl_tf.tuning.trials import measured

Lines = collections.namedtuple("Lines", "train description files")
Measured = collections.namedtuple("Measured", "metrics")


@dataclasses.dataclass(frozen=True)
class SlopeConfig:
    """A network with one weight."""

    start: float = 0.0


class SlopeModel(tf.keras.Model):
    """Learns y = 3 x."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self.network(x) - y))
        weights = self.network.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return {"loss": loss}


class SlopeTask:
    """See `tasks.Task`."""

    unit = "lines"

    def gather(self, config, data, simulate_from):
        def train(start=0):
            x = tf.random.stateless_normal((config.batch, 1), (config.seed, 1))
            return tf.data.Dataset.from_tensors((x, 3.0 * x)).repeat()

        return Lines(train, "lines", [])

    def compiled(self, config, data, xla=False):
        tf.keras.utils.set_random_seed(config.seed)
        model = SlopeModel(registry.network_of(config.network).build(config.network, config.box, config.period, "float32"))
        model.built = True
        model.compile(tf.keras.optimizers.SGD(0.3))
        model.optimizer.build(model.network.trainable_variables)
        return model

    def measure(self, config, data):
        return lambda step, model: {"slope": float(model.network.weights[0][0, 0])}

    def judge(self, config, data, model, count):
        return abs(float(model.network.weights[0][0, 0]) - 3.0)

    def finish(self, config, data, model):
        return "done"

    def save(self, config, trained, folder, about, verbose=0):
        folder.mkdir(parents=True)
        slope = float(trained.model.network.weights[0][0, 0])
        (folder / "slope.json").write_text(json.dumps({"slope": slope, "said": trained.calibration, "preset": about["preset"]}))

    def evaluate(self, config, data, trained, folder):
        return Measured({**json.loads((folder / "slope.json").read_text()), "interrupted": trained.interrupted})

    def board(self, folder):
        return NoBoard(folder)

    def draw(self, path, config, trained, measured, title):
        path.write_text(title)


class NoBoard(Board):
    """Writes nothing."""

    def open(self, model, config, data):
        assert data.description == "lines"

    def step(self, step, logs, busy_s, waited_s):
        assert logs.keys() == {"loss"}

    def point(self, step, model, measures):
        assert measures.keys() == {"loss", "slope"}


def line(config, box, period, precision):
    start = tf.keras.initializers.Constant(config.start)
    return tf.keras.Sequential([tf.keras.Input((1,)), tf.keras.layers.Dense(1, use_bias=False, kernel_initializer=start)])


@pytest.fixture
def config(monkeypatch):
    network = Network(
        config=SlopeConfig,
        build=line,
        period=lambda config: 360.0,
        proposes="angles",
        task="slope",
        space=Space(()),
        family="lines",
    )
    monkeypatch.setitem(registry.NETWORKS, "slope", network)
    monkeypatch.setitem(tasks.TASKS, "slope", SlopeTask())
    return dataclasses.replace(PRESETS["cryo"], network=SlopeConfig(), steps=40, batch=16)


def test_a_task_is_one_class_and_one_entry(config, tmp_path):
    preset = tmp_path / "slope.json"
    preset.write_text(json.dumps(as_dict(config)))
    metrics = runs.fit(str(preset), output=tmp_path / "run", verbose=0)
    assert metrics["slope"] == pytest.approx(3.0, abs=1e-3) and metrics["said"] == "done"
    assert json.loads((tmp_path / "run" / "metrics.json").read_text()) == metrics
    assert "lines, 40 steps" in (tmp_path / "run" / "report.png").read_text()
    assert json.loads((tmp_path / "run" / "config.json").read_text())["config"]["network"] == {"kind": "slope", "start": 0.0}
    assert not (tmp_path / "run" / "checkpoints").exists() and (tmp_path / "run" / "network.weights.h5").exists()


def test_a_search_goes_by_the_judgement_of_the_task(config, tmp_path):
    whole, short = (measured(dataclasses.replace(config, steps=steps), tmp_path) for steps in (20, 2))
    # One weight, plain SGD on one batch: the error shrinks by the same factor at every step.
    x = tf.random.stateless_normal((16, 1), (0, 1)).numpy()
    factor = 1.0 - 0.6 * np.mean(x**2)
    assert short == pytest.approx(3.0 * abs(factor) ** 2, rel=1e-4) and whole == pytest.approx(3.0 * abs(factor) ** 20, abs=1e-5)


def test_the_networks_that_are_there_learn_the_pose_of_a_pair():
    assert {type(tasks.task_of(config)).__name__ for config in PRESETS.values()} == {"PairTask"}

"""The figures of metrics.json, from an aligner and a network whose errors are known."""

import collections
import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from udl_tf.alignment.result import Result
from udl_tf.training.calibration import Calibration
from udl_tf.training.datasets import TrainingData
from udl_tf.training.evaluation import evaluate
from udl_tf.training.trainer import Trained

COUNT = 8
TRUTH = np.array([0.0, 179.0, -90.0, 45.0, 10.0, 20.0, -30.0, 100.0], np.float32)
MISS = np.array([1.0, 3.0, -1.0, -3.0, 182.0, 178.0, 50.0, 2.0], np.float32)  # two half turns, one gross error


class Stub(collections.namedtuple("Stub", "miss")):
    """Aligner and network at once: the moving image says which pair it is."""

    def align(self, fixed, moving):
        rows = moving[:, 0, 0].astype(int)
        shift = np.tile([3.0, 4.0], (len(rows), 1)).astype(np.float32)
        half, one = np.full(len(rows), 0.5, np.float32), np.ones(len(rows), np.int32)
        return Result(TRUTH[rows] + self.miss[rows], shift, score=half, sigma=half, symmetry=one)

    def angles(self, inputs):
        rows = inputs["moving"][:, 0, 0].astype(int)
        return tf.constant(TRUTH[rows] + 7.0 + 2.0 * (rows % 2))


@pytest.fixture
def measured(small_config):
    def measure(truth, has_truth=True, **changes):
        rows = np.arange(COUNT, dtype=np.float32)
        inputs = {name: np.tile(rows[:, None, None], (1, 4, 4)) for name in ("fixed", "moving")}
        pairs = tf.data.Dataset.from_tensors((inputs, {"angle": truth, "shift": np.zeros((COUNT, 2), np.float32)}))
        gathered = TrainingData(None, pairs.repeat(), None, has_truth, "", [])
        history = {"step": [1, 2], "loss": [0.9, 0.4], "consistency_deg": [1.0, 0.9]}
        trained = Trained(Stub(MISS), history, 2.0, 100, Calibration(7.0, 0.3, 5), False)
        config = dataclasses.replace(small_config, batch=3, evaluate_pairs=COUNT, **changes)
        return evaluate(config, gathered, trained, Stub(MISS))

    return measure


def test_figures_by_hand(measured):
    metrics = measured(TRUTH).metrics
    errors = np.array([1, 3, 1, 3, 2, 2, 50, 2.0])
    expected = {"mean": 8.0, "median": 2.0, "p95": np.percentile(errors, 95)}
    assert metrics["rotation_error_deg"] == pytest.approx(expected, abs=1e-4)
    assert metrics["network_rotation_error_deg"] == pytest.approx({"mean": 1.0, "median": 1.0, "p95": 2.0}, abs=1e-4)
    assert metrics["right_half_turn"] == pytest.approx(5 / 7)  # five of the seven that are right modulo 180
    assert metrics["shift_error_px"]["mean"] == pytest.approx(5.0)
    plain = {name: metrics[name] for name in ("period_deg", "bias_deg", "steps", "seconds", "pairs_per_second", "loss")}
    assert plain == {
        "period_deg": 180.0,
        "bias_deg": 7.0,
        "steps": 100,
        "seconds": 2.0,
        "pairs_per_second": 150.0,
        "loss": 0.4,
    }
    assert metrics["held_out_pairs"] == COUNT and metrics["score_mean"] == 0.5


def test_without_truth_no_error_is_claimed(measured):
    found = measured(np.full(COUNT, np.nan, np.float32), has_truth=False)
    assert found.errors is None and not any("error" in name for name in found.metrics)
    assert found.metrics["held_out_pairs"] == 3 and found.aligned.shape == (3, 4, 4)

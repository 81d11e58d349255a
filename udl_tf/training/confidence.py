"""Calibrates an aligner's error bar on pairs whose truth is known because they were made for it: no labels are needed.

The pairs are those of `calibration_pairs`. The raw standard error is stretched until 95 % of the right angles lie within 1.96 of
it, and a small network gives the odds that an angle is on the right peak at all.
"""

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from pipelines import geometry
from udl_tf.alignment.confidence import WITHIN, Confidence, fast_features, features
from udl_tf.training import calibration_pairs

OUTLIER = 3.0  # standard errors: an angle further off, and further than `WITHIN`, is on a wrong peak
GROSS = 15.0  # degrees: so is every angle further off than this
RIDGE = 1e-3  # of the logistic regression: keeps its weights finite where the classes can be parted
UNITS, STEPS, RATE, DECAY = 16, 800, 0.03, 8.0  # of the small network: units, steps of Adam, their size, pull of weights to 0


METHODS = ("careful", "quick")  # of a chain


def calibrate(chain, config, verbose=0):
    """The `Confidence` of a `Chain`, measured on simulated pairs of its kind of material; verbose: 1 shows a progress bar."""
    answer = _answer(chain)
    found = {name: [] for name in METHODS}
    batches = calibration_pairs.batches(config)
    for fixed, moving, angle in tqdm(batches, total=calibration_pairs.count(config), unit="batch", disable=not verbose):
        for name, raw in answer(fixed, moving).items():
            found[name].append(_measured(raw, angle))
    return fitted(*(_joined(found[name]) for name in METHODS))


def fitted(careful, quick):
    """The `Confidence` of raw numbers of pairs, dicts of (n,) arrays with ``error``, of the whole chain and of its first step."""
    sigma, score, hidden = _fit_careful(careful)
    return Confidence(sigma, score, hidden, *_fit_quick(quick))


def _answer(chain):
    """From images to the raw numbers of each of METHODS, in one graph: what they have in common is computed once."""
    limit = tf.constant(chain.reach * chain.box, tf.float32)

    @tf.function(input_signature=[tf.TensorSpec((None, None, None), tf.float32)] * 2, autograph=False)
    def answer(fixed, moving):
        described = chain.describe_fixed(fixed), chain.describe(moving)
        size = tf.shape(moving)[1]
        return {"careful": chain.careful(*described, limit, size), "quick": chain.quick(*described, limit)}

    return answer


def _measured(raw, truth):
    """Raw numbers of pairs, and the error of each angle in degrees modulo its symmetry; strangers are always wrong."""
    raw = {name: value.numpy() for name, value in raw.items()}
    error = geometry.angular_distance(raw["angle"], truth, 360.0 / raw["symmetry"])
    return {**raw, "error": np.where(np.isnan(error), 180.0, error)}


def _fit_careful(raw):
    """((a, b) of the standard error, weights of the odds that it is the right peak, those of the hidden units)."""
    near = raw["error"] < WITHIN
    x, y = 0.5 * np.log(raw["variance"] + 1e-8), np.log(raw["error"] + 1e-4)
    b = float(np.clip(np.polyfit(x[near], y[near], 1)[0], 0.5, 1.5))
    a = float(np.log(np.quantile(raw["error"][near] / np.exp(b * x[near]), 0.95) / 1.96))
    right = (raw["error"] < np.maximum(WITHIN, OUTLIER * np.exp(a + b * x))) & (raw["error"] < GROSS)
    columns = features({name: tf.constant(value, tf.float32) for name, value in raw.items()}).numpy()
    return (a, b), *network(columns, right)


def _fit_quick(raw):
    """(standard error, weights of the score) of the proposal alone."""
    near = raw["error"] < WITHIN
    columns = fast_features(*(tf.constant(raw[name], tf.float32) for name in ("evidence", "lead"))).numpy()
    return float(np.quantile(raw["error"][near], 0.95) / 1.96), logistic(columns, near)


def network(columns, right):
    """(weights (k,), ((units, k), (units,))) of logits linear in columns (n, k) and in hyperbolic tangents of sums of them.

    Begins with logistic regression, whose answer the hidden units then correct; Adam on all rows at once, in NumPy.
    """
    columns, target = np.asarray(columns, np.float64), np.asarray(right, np.float64)
    random = np.random.default_rng(0)
    weights = [
        np.array(logistic(columns, right)),
        random.normal(size=(UNITS, columns.shape[1])) / np.sqrt(columns.shape[1]),
        np.zeros(UNITS),
    ]
    first, second = ([np.zeros_like(part) for part in weights] for _ in range(2))
    for step in range(1, STEPS + 1):
        straight, inside, outside = weights
        hidden = np.tanh(columns @ inside.T)  # (n, units)
        rest = (1.0 / (1.0 + np.exp(-np.clip(columns @ straight + hidden @ outside, -30, 30))) - target) / len(target)
        back = rest[:, None] * outside * (1.0 - np.square(hidden))
        slopes = [columns.T @ rest, back.T @ columns, hidden.T @ rest]
        rate = RATE * 0.5 * (1.0 + np.cos(np.pi * step / STEPS))
        for part, slope, mean, square in zip(weights, slopes, first, second, strict=True):
            slope = slope + DECAY / len(target) * part
            mean += 0.1 * (slope - mean)
            square += 0.001 * (np.square(slope) - square)
            part -= rate * (mean / (1.0 - 0.9**step)) / (np.sqrt(square / (1.0 - 0.999**step)) + 1e-12)
    straight, inside, outside = weights
    return _plain(straight), (tuple(_plain(row) for row in inside), _plain(outside))


def logistic(columns, right, steps=50):
    """Weights (columns,) of a logistic regression of `right` (n,) on columns (n, k), by Newton's method."""
    columns, target = np.asarray(columns, np.float64), np.asarray(right, np.float64)
    weights = np.zeros(columns.shape[1])
    for _ in range(steps):
        p = 1.0 / (1.0 + np.exp(-np.clip(columns @ weights, -30, 30)))
        gradient = columns.T @ (target - p) - RIDGE * weights
        hessian = (columns * (p * (1.0 - p))[:, None]).T @ columns + RIDGE * np.eye(len(weights))
        step = np.linalg.solve(hessian, gradient)
        weights += step / max(1.0, np.abs(step).max() / 5.0)
    return _plain(weights)


def _plain(values):
    return tuple(round(float(value), 5) for value in values)


def _joined(parts):
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

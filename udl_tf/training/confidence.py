"""Calibrates an aligner's error bar on pairs whose truth is known because they were made for it: no labels are needed.

Phantoms, or dead-leaves pictures, at all levels of noise, and pairs of images that have nothing to do with each other: the raw
standard error is stretched until 95 % of the right angles lie within 1.96 of it, and a logistic regression gives the odds that
an angle is on the right peak at all.
"""

import numpy as np
import tensorflow as tf

from pipelines import geometry, noise, pairs
from pipelines.geometry.warp import centre_crop
from pipelines.pictures import DeadLeaves, phantoms
from udl_tf.alignment.confidence import WITHIN, Confidence, features

LEVELS = (1.0, 0.3, 0.1, 0.07, 0.05, 0.03, 0.02, 0.01)  # SNR
PAIRS, BATCH = 128, 64  # at each level
SOURCES = 100  # clean images of each material
OUTLIER = 3.0  # standard errors: an angle further off, and further than `WITHIN`, is on a wrong peak
GROSS = 15.0  # degrees: so is every angle further off than this
RIDGE = 1e-3  # of the logistic regression: keeps its weights finite where the classes can be parted


def calibrate(chain, config):
    """The `Confidence` of a `Chain`, measured on simulated pairs of its kind of material."""
    methods = {name: _method(chain, name) for name in ("careful", "quick")}
    found = {name: [] for name in methods}
    for number, dataset in enumerate(_datasets(config)):
        inputs, truth = pairs.collect(dataset, PAIRS)
        fixed, moving = (centre_crop(inputs[name], config.box) for name in ("fixed", "moving"))
        strangers = np.roll(moving, 1 + number, axis=0)[: PAIRS // 4]
        both = np.concatenate([fixed, fixed[: PAIRS // 4]]), np.concatenate([moving, strangers])
        angle = np.concatenate([truth["angle"], np.full(PAIRS // 4, np.nan)])
        for name, method in methods.items():
            found[name].append(_measured(method, *both, angle))
    return Confidence(*_fit_careful(_joined(found["careful"])), *_fit_quick(_joined(found["quick"])))


def _method(chain, name):
    """A method of the chain, from images to raw numbers."""
    step = getattr(chain, name)
    signature = [tf.TensorSpec((None, chain.box, chain.box), tf.float32)] * 2
    limit = tf.constant(chain.reach * chain.box, tf.float32)
    return tf.function(lambda f, m: step(chain.describe_fixed(f), chain.describe(m), limit), input_signature=signature)


def _measured(method, fixed, moving, truth):
    """Raw numbers of pairs, and the error of each angle in degrees modulo its symmetry; strangers are always wrong."""
    parts = [method(fixed[i : i + BATCH], moving[i : i + BATCH]) for i in range(0, len(truth), BATCH)]
    raw = {name: np.concatenate([part[name].numpy() for part in parts]) for name in parts[0]}
    error = geometry.angular_distance(raw["angle"], truth, 360.0 / raw["symmetry"])
    return {**raw, "error": np.where(np.isnan(error), 180.0, error)}


def _fit_careful(raw):
    """((a, b) of the standard error, weights of the odds that it is the right peak)."""
    near = raw["error"] < WITHIN
    x, y = 0.5 * np.log(raw["variance"] + 1e-8), np.log(raw["error"] + 1e-4)
    b = float(np.clip(np.polyfit(x[near], y[near], 1)[0], 0.5, 1.5))
    a = float(np.log(np.quantile(raw["error"][near] / np.exp(b * x[near]), 0.95) / 1.96))
    right = raw["error"] < np.maximum(WITHIN, OUTLIER * np.exp(a + b * x))
    return (a, b), logistic(features(raw["evidence"], raw["potential"], raw["lead"]).numpy(), right & (raw["error"] < GROSS))


def _fit_quick(raw):
    """(standard error, weights of the score) of the proposal alone."""
    near = raw["error"] < WITHIN
    columns = np.stack([np.ones_like(raw["lead"]), raw["evidence"], raw["lead"]], 1)
    return float(np.quantile(raw["error"][near], 0.95) / 1.96), logistic(columns, near)


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
    return tuple(float(weight) for weight in weights)


def _datasets(config):
    """One endless dataset of pairs for each level of noise."""
    seed = config.seed + 2
    specs = [noise.Noise("gaussian", level) for level in LEVELS]
    if config.material == "particles":
        clean = phantoms.particles(SOURCES, config.box, seed)
        return [pairs.simulated(clean, spec, BATCH, seed + i, config.max_shift) for i, spec in enumerate(specs)]
    options = {"patch": config.box, "max_shift": config.max_shift}
    pictures = DeadLeaves(SOURCES, BATCH, seed=seed, **options)
    found = []
    for i, spec in enumerate([noise.Noise(), *specs]):
        crops = pictures.reordered(seed + i).crops(0)
        found.append(pairs.from_photos(crops, lambda images, s, spec=spec: noise.apply(spec, images, s), seed + i, **options))
    return found


def _joined(parts):
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

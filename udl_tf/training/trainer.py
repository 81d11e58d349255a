"""One training run: a network, its optimiser, the loop, and what it is measured by."""

import collections
import contextlib
import signal

import numpy as np
import tensorflow as tf

from pipelines import geometry, pairs
from pipelines.pairs.disturb import Disturb
from udl_tf.alignment.saving import load_weights
from udl_tf.networks.build import build
from udl_tf.training import hardware, loss_scaling
from udl_tf.training.calibration import calibrate
from udl_tf.training.consistency import Consistency
from udl_tf.training.progress import Keeper, Watch
from udl_tf.training.step import DisturbedPairModel
from udl_tf.training.stopping import TerminatedError, on_signals

CALIBRATION_BATCHES = 4
CURVE_PAIRS = 256

Trained = collections.namedtuple("Trained", "model history seconds steps calibration interrupted")


def train(config, material, verbose=1, init=None, checkpoints=None, boards=(), strategy=None):
    """Train the network of a configuration on the pairs of a `material.Material`. Ctrl-C ends the training early.

    Args:
        verbose: 1 shows a progress bar on stderr, 0 nothing.
        init: None, or the folder of a SavedModel whose weights the training starts from, see `saving.load_weights`.
        checkpoints: None, or `checkpoints.Checkpoints`; where it holds one, the training goes on from there, and ends with the
            same weights as if it had never stopped.
        boards: objects with ``open(model, config, material)``, ``step`` and ``point`` as in `watch.Watch`; they are left open.
        strategy: None, or a tf.distribute.Strategy, see `hardware.open_strategy`.

    Returns:
        `Trained`: `model` (`DisturbedPairModel`, its `bias_deg` set); `history`, dict of lists: ``step``, ``loss``,
        ``consistency_deg`` (see `consistency`), ``learning_rate`` and, with truth, ``rotation_error_deg`` of the network;
        `seconds`; `steps` done; `calibration`; whether it was `interrupted`.

    Raises:
        TerminatedError: SIGTERM; the last checkpoint is of this moment.
    """
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = compiled(config, material)
        if init is not None:
            load_weights(init, model.network)
    measure = _measure(config, material)
    watch = Watch(config, measure, boards, verbose)
    try:
        with on_signals() as stop:
            state = [*model.network.weights, *model.optimizer.variables]
            keeper = Keeper(checkpoints, watch, state, stop, hardware.agreement(strategy))
            if checkpoints:
                keeper.restore()
            for board in boards:
                board.open(model, config, material)
            _fit(model, config, material, watch, keeper, strategy)
    finally:
        watch.close()
    if stop.asked == signal.SIGTERM:
        raise TerminatedError(f"terminated after step {watch.step} of {config.steps}")
    calibration = calibrate(model.angles, _images(material.train()), model.disturb, config.period, config.seed + 1)
    model.bias_deg.assign(calibration.bias_deg)
    return Trained(model, watch.history, watch.seconds, watch.step, calibration, watch.step < config.steps)


def compiled(config, material):
    """The untrained `DisturbedPairModel` of a configuration, ready for ``fit``; sets Keras's random seed."""
    tf.keras.utils.set_random_seed(config.seed)
    disturb = Disturb(config.disturb_shift, material.renoise)
    model = DisturbedPairModel(
        build(config),
        disturb,
        config.period,
        config.seed,
        config.warm_steps,
        config.self_pair_share,
        config.error_period,
    )
    optimizer = tf.keras.optimizers.Adam(learning_rate(config), epsilon=1e-8)
    model.compile(optimizer=loss_scaling.wrapped(optimizer, config.precision))
    model.optimizer.build(model.network.trainable_variables)  # else the first step is traced twice
    return model


def learning_rate(config):
    """The learning-rate schedule of a configuration."""
    if config.decay == "paper":  # section 4.1: reduced by 20 % every 12,000 iterations
        return tf.keras.optimizers.schedules.ExponentialDecay(config.learning_rate, 12_000, 0.8, staircase=True)
    return tf.keras.optimizers.schedules.CosineDecay(config.learning_rate, config.steps)


def summary(error):
    """Mean, median and 95th percentile of errors (n,), as plain numbers."""
    error = np.asarray(error, np.float64)
    return {
        "mean": float(error.mean()),
        "median": float(np.median(error)),
        "p95": float(np.percentile(error, 95)),
    }


def rotation_error(angle, truth, period):
    """Absolute errors (n,) of angles in degrees, modulo `period`."""
    return geometry.angular_distance(np.asarray(angle, np.float64), np.asarray(truth, np.float64), period)


def _fit(model, config, material, watch, keeper, strategy):
    """The steps that are left, in one epoch of Keras's."""
    left = config.steps - watch.step
    if not left:
        return
    if strategy:
        with strategy.scope():
            data = hardware.distributed(strategy, material.train(watch.step), config.batch)
    else:
        data = material.train(watch.step)
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C twice
        # The pipeline has its own order.
        model.fit(data, steps_per_epoch=left, epochs=1, callbacks=[watch, keeper], verbose=0, shuffle=False)


def _measure(config, material):
    """``(step, model) -> dict``: what the curve shows besides the loss."""
    consistency, rate = Consistency(config, material), learning_rate(config)
    inputs, truth = pairs.collect(material.held_out, CURVE_PAIRS) if material.has_truth else (None, None)

    def measure(step, model):
        found = {"consistency_deg": consistency.measure(model), "learning_rate": float(rate(step))}
        if truth is not None:
            parts = [slice(start, start + config.batch) for start in range(0, len(truth["angle"]), config.batch)]
            angle = np.concatenate([model.angles({name: inputs[name][rows] for name in inputs}) for rows in parts])
            found["rotation_error_deg"] = float(np.mean(rotation_error(angle, truth["angle"], config.error_period)))
        return found

    return measure


def _images(dataset):
    for inputs, _ in dataset.take(CALIBRATION_BATCHES):
        yield inputs["moving"]

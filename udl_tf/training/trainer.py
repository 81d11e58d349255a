"""One training run: a network, its optimiser, the loop, and what it is measured by."""

import collections
import time

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from pipelines import geometry, pairs
from pipelines.disturb import Disturb
from udl_tf.alignment.saving import load_weights
from udl_tf.networks.build import build
from udl_tf.training.calibration import calibrate
from udl_tf.training.step import DisturbedPairModel

CALIBRATION_BATCHES = 4
CURVE_POINTS = 20  # of the loss and of the error on held-out pairs, at most; they divide the steps evenly
CURVE_PAIRS = 256

Trained = collections.namedtuple("Trained", "model history seconds steps calibration interrupted")


def train(config, material, log_dir=None, verbose=1, init=None):
    """Train the network of a configuration on the pairs of a `material.Material`. Ctrl-C ends the training early.

    Args:
        log_dir: folder for TensorBoard, or None. verbose: 1 shows a progress bar on stderr, 0 nothing.
        init: None, or the folder of a SavedModel whose weights the training starts from, see `saving.load_weights`.

    Returns:
        `Trained`: `model` (`DisturbedPairModel`, its `bias_deg` set), `history` (dict of lists: ``step``, ``loss`` and, with
        truth, ``rotation_error_deg`` of the network), `seconds`, `steps` done, `calibration`, and whether it was `interrupted`.
    """
    model = compiled(config, material)
    if init is not None:
        load_weights(init, model.network)
    epochs = max(n for n in range(1, CURVE_POINTS + 1) if config.steps % n == 0)
    per_epoch = config.steps // epochs
    validation = pairs.collect(material.held_out, CURVE_PAIRS) if material.has_truth else None
    if validation is not None:
        validation = tf.data.Dataset.from_tensor_slices(validation).batch(config.batch)
    curve = _Curve(per_epoch, tqdm(total=config.steps, unit="step", disable=not verbose))
    callbacks = [curve] + ([tf.keras.callbacks.TensorBoard(log_dir, write_graph=False)] if log_dir else [])
    start, interrupted = time.perf_counter(), False
    try:
        model.fit(
            material.train,
            steps_per_epoch=per_epoch,
            epochs=epochs,
            validation_data=validation,
            callbacks=callbacks,
            verbose=0,
            shuffle=False,  # the pipeline has its own order
        )
    except KeyboardInterrupt:
        interrupted = True
    finally:
        curve.bar.close()
    seconds = time.perf_counter() - start
    calibration = calibrate(model.angles, _images(material.train), model.disturb, config.period, config.seed + 1)
    model.bias_deg.assign(calibration.bias_deg)
    steps = int(model.optimizer.iterations.numpy())
    return Trained(model, curve.history, seconds, steps, calibration, interrupted)


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
    model.compile(optimizer=tf.keras.optimizers.Adam(learning_rate(config), epsilon=1e-8))
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


def _images(dataset):
    for inputs, _ in dataset.take(CALIBRATION_BATCHES):
        yield inputs["moving"]


class _Curve(tf.keras.callbacks.Callback):
    """Keeps the loss and the error after every epoch, and moves the bar."""

    def __init__(self, per_epoch, bar):
        super().__init__()
        self.per_epoch, self.bar = per_epoch, bar
        self.history = {"step": [], "loss": [], "rotation_error_deg": []}

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update(1)

    def on_epoch_end(self, epoch, logs=None):
        self.history["step"].append((epoch + 1) * self.per_epoch)
        self.history["loss"].append(float(logs["loss"]))
        shown = f"loss {logs['loss']:.4f}"
        if "val_rotation_error_deg" in logs:
            self.history["rotation_error_deg"].append(float(logs["val_rotation_error_deg"]))
            shown += f", error {logs['val_rotation_error_deg']:.2f} deg"
        self.bar.set_postfix_str(shown)

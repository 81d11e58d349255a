"""The task of pair networks: the pose of one image on another, learned by unsupervised difference learning (UDL)."""

import dataclasses

import numpy as np
import tensorflow as tf

from pipelines import pairs
from pipelines.pairs.disturb import Disturb
from udl_tf.alignment.aligner import Aligner
from udl_tf.alignment.chain import Chain
from udl_tf.alignment.saving import save
from udl_tf.networks.build import build
from udl_tf.training import calibration, confidence, datasets, evaluation, picture
from udl_tf.training.board import Board
from udl_tf.training.consistency import Consistency
from udl_tf.training.errors import rotation_error
from udl_tf.training.optimizer import adam, learning_rate
from udl_tf.training.step import DisturbedPairModel

CURVE_PAIRS = 256


class PairTask:
    """See `udl_tf.training.tasks.Task`; its data are `datasets.TrainingData`."""

    unit = "pairs"

    def gather(self, config, data=None, simulate_from=None):
        """`datasets.gather`."""
        return datasets.gather(config, data, simulate_from)

    def compiled(self, config, data, xla=False):
        """A `DisturbedPairModel`."""
        tf.keras.utils.set_random_seed(config.seed)
        model = DisturbedPairModel(
            build(config),
            Disturb(config.disturb_shift, data.renoise),
            config.period,
            config.seed,
            config.warm_steps,
            config.self_pair_share,
            config.error_period,
        )
        model.compile(optimizer=adam(config), jit_compile=xla)
        model.optimizer.build(model.network.trainable_variables)  # else the first step is traced twice
        return model

    def measure(self, config, data):
        """``consistency_deg`` (see `consistency`), ``learning_rate`` and, with truth, ``rotation_error_deg`` of the network."""
        consistency, rate = Consistency(config, data), learning_rate(config)
        inputs, truth = pairs.collect(data.held_out, CURVE_PAIRS) if data.has_truth else (None, None)

        def measure(step, model):
            found = {"consistency_deg": consistency.measure(model), "learning_rate": float(rate(step))}
            if truth is not None:
                parts = [slice(start, start + config.batch) for start in range(0, len(truth["angle"]), config.batch)]
                angle = np.concatenate([model.angles({name: inputs[name][rows] for name in inputs}) for rows in parts])
                found["rotation_error_deg"] = float(np.mean(rotation_error(angle, truth["angle"], config.error_period)))
            return found

        return measure

    def judge(self, config, data, model, count):
        """The consistency in degrees."""
        return Consistency(config, data, count).measure(model)

    def finish(self, config, data, model):
        """The `calibration.Calibration`; the model's constant C is set to it."""
        images = (inputs["moving"] for inputs, _ in data.train().take(calibration.BATCHES))
        found = calibration.calibrate(model.angles, images, model.disturb, config.period, config.seed + 1)
        model.bias_deg.assign(found.bias_deg)
        return found

    def save(self, config, trained, folder, about, verbose=0):
        """The `Chain` with the network in it, its standard error and score calibrated on simulated pairs."""
        if verbose:
            print("calibrating sigma and score on simulated pairs", flush=True)
        network, bias = build(dataclasses.replace(config, precision="float32")), trained.calibration.bias_deg
        network.set_weights(trained.model.network.get_weights())  # mixed precision is for training
        known = confidence.calibrate(Chain(network, config, bias), config, verbose)
        save(Chain(network, config, bias, known), folder, {**about, "bias_deg": bias, "confidence": dataclasses.asdict(known)})

    def evaluate(self, config, data, trained, folder):
        """An `evaluation.Measured`."""
        return evaluation.evaluate(config, data, trained, Aligner(folder))

    def board(self, folder):
        """A `Board`."""
        return Board(folder)

    def draw(self, path, config, trained, measured, title):
        """Loss, errors, and example pairs."""
        errors, inputs, aligned = measured.errors, measured.inputs, measured.aligned
        picture.draw(path, trained.history, errors, config.error_period, inputs, aligned, title)

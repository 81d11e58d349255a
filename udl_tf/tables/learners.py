"""Methods that are trained: how each is made from a row's pairs and, once trained, what it answers."""

import collections
import importlib
import time

import numpy as np
import tensorflow as tf

from pipelines.geometry.warp import centre_crop
from udl_tf.networks.build import build
from udl_tf.tables import shifts
from udl_tf.tables.scores import Answer
from udl_tf.training import calibration, trainer

BATCH = 64
EVERY = 20.0  # seconds between two lines of progress

Learner = collections.namedtuple("Learner", "model steps data variables finish answer")
Learner.__doc__ = """A model ready for ``fit``.

`data`: function () -> dataset. `variables`: all that its answers depend on. `finish`: function () called after the training.
`answer`: function (inputs) -> `scores.Answer`.
"""


def fit(learner, tell=lambda text: None):
    """Train; returns (losses (steps,), seconds). Ctrl-C goes through: a model half trained is not kept.

    `tell` is called every now and then with a line of text: how far it is, and how long it still takes.
    """
    curve, start = _Losses(learner.steps, tell), time.perf_counter()
    learner.model.fit(learner.data(), steps_per_epoch=learner.steps, epochs=1, callbacks=[curve], verbose=0, shuffle=False)
    learner.finish()
    return np.array(curve.losses, np.float64), time.perf_counter() - start


def udl(case, table, scale, steps):
    """The paper's network by unsupervised difference learning, its constant C found on self-pairs."""
    config = case.config
    model = trainer.compiled(config, case.training_data)

    def angles(inputs):  # of one size for both uses, else the traced function forgets it
        return model.angles({name: centre_crop(images, case.side) for name, images in inputs.items()})

    def finish():
        batches = (inputs["moving"] for inputs, _ in case.train().take(calibration.BATCHES))
        model.bias_deg.assign(calibration.calibrate(angles, batches, model.disturb, config.period, config.seed + 1).bias_deg)

    def answer(inputs):
        return _rotation(inputs, _batched(angles, inputs) - float(model.bias_deg), config.period)

    return Learner(model, config.steps, case.train, [*model.network.weights, model.bias_deg], finish, answer)


def supervised(case, table, scale, steps):
    """The same network with the truth in its loss; of particles it sees the same spectra as with UDL."""
    from udl_tf.rivals import pair_model
    from udl_tf.rivals import supervised as rival

    steps = steps or rival.STEPS[scale.name]
    network = build(case.config)
    model = rival.SupervisedModel(network, case.config.period)
    pair_model.compiled(model, scale.name, rival.LEARNING_RATE[scale.name], steps)
    return _learner(case, model, steps, lambda inputs: _rotation(inputs, _batched(model.angles, inputs), model.period))


def stn(case, table, scale, steps):
    """Two corners, a warp and a loss by pixels, without truth."""
    from udl_tf.rivals import stn as rival

    steps = steps or rival.STEPS[scale.name]
    model = rival.build(case.side, scale.name, steps)

    def answer(inputs):
        angle, shift = _batched(model.transforms, inputs)
        return Answer(angle, shift)

    return _learner(case, model, steps, answer)


def deep_homography(unsupervised):
    """Four corners by a VGG-style network, with truth or without: the function that makes the learner."""

    def make(case, table, scale, steps):
        from udl_tf.rivals import deep_homography as rival

        steps = steps or rival.STEPS[scale.name]
        model = rival.build(case.side, scale.name, unsupervised, steps)
        return _learner(case, model, steps, lambda inputs: Answer(matrix=_batched(model.homographies, inputs)))

    return make


def tracker(name):
    """A tracker of `udl_tf.rivals` that is trained: the function that makes the learner."""

    def make(case, table, scale, steps):
        from udl_tf.rivals.pair_model import compiled
        from udl_tf.rivals.tracking import track

        rival = importlib.import_module(f"udl_tf.rivals.{name}")
        steps = steps or rival.STEPS[scale.name]
        model = compiled(rival.build(case.side, scale.name), scale.name, rival.LEARNING_RATE[scale.name], steps)
        return _learner(case, model, steps, lambda inputs: Answer(matrix=track(model, inputs["frames"], inputs["start"])))

    return make


class _Losses(tf.keras.callbacks.Callback):
    """Keeps the loss of every step and says how far it is."""

    def __init__(self, steps, tell):
        super().__init__()
        self.losses, self.steps, self.tell = [], steps, tell
        self.first = self.told = None

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(float(logs["loss"]))
        now, done = time.perf_counter(), len(self.losses)
        if self.first is None:  # tracing is behind
            self.first = self.told = now
        elif now - self.told >= EVERY:
            self.told = now
            left = (now - self.first) / (done - 1) * (self.steps - done)
            self.tell(f"  step {done} of {self.steps}, loss {np.mean(self.losses[-20:]):.3g}, {left / 60:.1f} minutes left")


def _learner(case, model, steps, answer):
    return Learner(model, steps, case.train, list(model.network.weights), lambda: None, answer)


def _rotation(inputs, angle, period):
    """The answer of a method that finds the angle alone, modulo a period."""
    return Answer(*shifts.given_angle(inputs["fixed"], inputs["moving"], angle, period))


def _batched(function, inputs):
    """``function(inputs)`` on batches of pairs, joined; a tuple of arrays where it gives a tuple."""
    count, found = len(inputs["moving"]), []
    for start in range(0, count, BATCH):
        part = {name: tf.constant(images[start : start + BATCH]) for name, images in inputs.items()}
        found.append(tf.nest.map_structure(np.asarray, function(part)))
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *found)

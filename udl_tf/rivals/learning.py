"""What rivals that are trained have in common: how each is fitted and, once trained, asked in batches."""

import collections.abc
import dataclasses
import time

import numpy as np
import tensorflow as tf

BATCH = 64
EVERY = 20.0  # seconds between two lines of progress


@dataclasses.dataclass(frozen=True)
class Learner:
    """A model ready for ``fit``.

    Attributes:
        model: a compiled tf.keras.Model. steps: of its training. data: function () -> dataset.
        variables: all that its answers depend on. answer: function (inputs) -> transform, see `registry.Rival`.
        finish: function () called after the training.
    """

    model: object
    steps: int
    data: collections.abc.Callable
    variables: list
    answer: collections.abc.Callable
    finish: collections.abc.Callable = lambda: None


def of_model(problem, model, steps, answer):
    """The `Learner` of a model whose answers depend on the weights of its network alone."""
    return Learner(model, steps, problem.train, list(model.network.weights), answer)


def fit(learner, tell=lambda text: None):
    """Train; returns (losses (steps,), seconds). Ctrl-C goes through: a model half trained is not kept.

    `tell` is called every now and then with a line of text: how far it is, and how long it still takes.
    """
    curve, start = _Losses(learner.steps, tell), time.perf_counter()
    learner.model.fit(learner.data(), steps_per_epoch=learner.steps, epochs=1, callbacks=[curve], verbose=0, shuffle=False)
    learner.finish()
    return np.array(curve.losses, np.float64), time.perf_counter() - start


def batched(function, inputs):
    """``function(inputs)`` on batches of pairs, joined, NumPy; a tuple of arrays where it gives a tuple."""
    count, found = len(inputs["moving"]), []
    for start in range(0, count, BATCH):
        part = {name: tf.constant(images[start : start + BATCH]) for name, images in inputs.items()}
        found.append(tf.nest.map_structure(np.asarray, function(part)))
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *found)


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

"""What a training run writes for TensorBoard: curves, pictures, histograms and its hyperparameters; see docs/tensorboard.md."""

import pathlib
import time

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.hparams import api as hp
from tensorboard.plugins.scalar.summary_v2 import scalar_pb

from pipelines import geometry, pairs
from udl_tf.networks.output import degrees
from udl_tf.presets import as_dict
from udl_tf.training import board_pictures

MOST_POINTS = 500  # of a curve
VALIDATION_PAIRS = 32  # of the histograms; the first of them are the pictures
EVENTS = "*tfevents*"  # how TensorBoard knows its files


class Board:
    """Writes one run into one folder. A run that was killed goes on in the same folder, with the step numbers of its checkpoint.

    Drawing is what costs: apart from the first and the last time, it may take `share` of the time of the steps so far.

    Args:
        folder: made if it is not there. share: see above; ``inf`` draws at every point, 0 at the first and the last only.
    """

    def __init__(self, folder, share=0.015):
        self.folder, self.share = pathlib.Path(folder), share
        self._writer = None

    def open(self, model, config, data):
        """Begin, or go on.

        Args:
            model: `DisturbedPairModel` with its optimiser, restored from its checkpoint if there is one: what an earlier
                writer has written about later steps is struck out.
            config: `udl_tf.presets.Config`. data: `datasets.TrainingData`.
        """
        start = time.perf_counter()
        self.folder.mkdir(parents=True, exist_ok=True)
        _strike_out(self.folder, self._done(model) + 1)
        self._writer = tf.summary.create_file_writer(str(self.folder))
        self._batch, self._steps = config.batch, config.steps
        self._every = -(-config.steps // MOST_POINTS)
        self._busy, self._rows, self._last, self._drawn = 0.0, [], 0, False
        self._prepare(model, data)
        self._write(0, _hyperparameter_summaries(config))
        self._drawing = time.perf_counter() - start  # most of it went into the pairs that are drawn

    def step(self, step, logs, busy_s, waited_s):
        """After a step.

        Args:
            step: steps done. logs: dict of floats; those named ``loss...`` are kept, as means over the steps of a point.
            busy_s: seconds the step took, with those it waited for its data. waited_s: those.
        """
        self._last = step
        self._busy += busy_s
        self._rows.append(({name: float(value) for name, value in logs.items() if name.startswith("loss")}, busy_s, waited_s))
        if step % self._every and step < self._steps:
            return
        logs, busy, waited = zip(*self._rows, strict=True)
        self._rows = []
        values = {f"training/{name}": np.mean([row[name] for row in logs]) for name in logs[0]}
        if sum(busy) > 0:
            values["speed/pairs_per_second"] = self._batch * len(busy) / sum(busy)
            values["speed/waiting_share"] = sum(waited) / sum(busy)
        self._write(step, _scalars(values))

    def point(self, step, model, measures):
        """At some points of the run.

        Args:
            step: steps done. model: `DisturbedPairModel`. measures: dict of floats, or of dicts of floats; ``loss`` is left out
                (`step` has it).
        """
        self._last = step
        values = {f"validation/{name}": value for name, value in _flat(measures).items() if name != "loss"}
        if "validation/learning_rate" in values:
            values["training/learning_rate"] = values.pop("validation/learning_rate")
        self._write(step, _scalars(values))
        if not self._drawn or self._drawing <= self.share * self._busy or step >= self._steps:
            start = time.perf_counter()
            self._draw(step, model)
            self._drawing += time.perf_counter() - start
            self._drawn = True

    def close(self, metrics=None):
        """End. metrics: dict of numbers (or of dicts of numbers) that sum the run up, or None."""
        if self._writer is None:
            return
        numbers = {name: value for name, value in _flat(metrics or {}).items() if isinstance(value, (int, float))}
        self._write(self._last, _scalars({f"final/{name}": value for name, value in numbers.items()}))
        self._writer.close()
        self._writer = None

    def _write(self, step, summaries):
        """Write summaries as one, which takes a fifth of the time of a call of tf.summary for each."""
        joined = Summary()
        for summary in summaries:
            joined.MergeFrom(summary)
        with self._writer.as_default(step):
            tf.summary.experimental.write_raw_pb(joined.SerializeToString())
        self._writer.flush()  # a kill loses nothing that a checkpoint knows of

    def _done(self, model):
        """Steps that a model was trained."""
        return int(model.optimizer.iterations.numpy())

    def _prepare(self, model, data):
        """Keep what is to be drawn."""
        self._inputs, truth = pairs.collect(data.held_out, VALIDATION_PAIRS)
        self._truth = truth["angle"] if data.has_truth else np.full(VALIDATION_PAIRS, np.nan)
        self._first_rings = board_pictures.ring_weights(model.network)

    def _draw(self, step, model):
        """Pictures and histograms of the network as it is now."""
        output = {name: tf.cast(part, tf.float32) for name, part in model(self._inputs, training=False).items()}
        angle = degrees(output, model.period).numpy()
        angle = geometry.wrap_degrees(angle - float(model.bias_deg.numpy()), model.period)
        error = geometry.angular_distance(angle, self._truth, model.error_period)
        known = error[np.isfinite(error)]
        shown = board_pictures.examples(self._inputs, angle, error, output, model.box)
        images = {"pairs/fixed, moving, moving turned": shown}
        if "correlation" in output:
            curves = output["correlation"].numpy()
            images["pairs/correlation over angles"] = board_pictures.curves(curves, angle, self._truth, model.period)
        if self._first_rings is not None:
            rings = board_pictures.ring_weights(model.network)
            images["network/ring weights"] = board_pictures.rings(rings, self._first_rings)
        mask = board_pictures.mask(model.network, self._inputs["fixed"][:1], model.box)
        if mask is not None:
            images["network/mask"] = mask
        with self._writer.as_default(step):
            for name, image in images.items():
                tf.summary.image(name, image[None])
        found = [histogram_pb("pairs/predicted angle, deg", angle)]
        if known.size:
            found.append(histogram_pb("pairs/rotation error, deg", known))
            centre = {"mean": known.mean(), "median": np.median(known)}
            found += _scalars({f"pairs/rotation_error_{name}_deg": value for name, value in centre.items()})
        self._write(step, found)


def _strike_out(folder, step):
    """Tell TensorBoard to forget what is written about `step` and later; earlier files stay as they are.

    TensorBoard reads the files of a folder in the order of their names: the note comes right behind the last one so far.
    """
    files = sorted(folder.glob(EVENTS))
    if not files:
        return
    start = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
    now = time.time()
    with tf.io.TFRecordWriter(f"{files[-1]}.resumed") as note:
        note.write(tf.compat.v1.Event(wall_time=now, file_version="brain.Event:2").SerializeToString())
        for _ in range(2):  # the first START that is read counts as the beginning of the run and strikes out nothing
            note.write(tf.compat.v1.Event(wall_time=now, step=step, session_log=start).SerializeToString())


def _scalars(values):
    return [scalar_pb(name, float(value)) for name, value in values.items()]


def _hyperparameter_summaries(config):
    """The configuration, for the HParams tab, with the measures it is to be judged by."""
    values = hyperparameters(config)
    # An empty domain says of what type a value is and shuts none out.
    known = [hp.HParam(name, hp.Discrete([], dtype=type(value))) for name, value in values.items()]
    metrics = [
        hp.Metric("validation/consistency_deg", display_name="consistency, deg"),
        hp.Metric("validation/rotation_error_deg", display_name="rotation error, deg"),
    ]
    return [hp.hparams_config_pb(hparams=known, metrics=metrics), hp.hparams_pb(values)]


def hyperparameters(config):
    """A configuration as one dict of numbers, texts and truth values; those of its network are named ``network/...``."""
    values = {name: value for name, value in _flat(as_dict(config)).items() if name != "description"}
    return {name: "-".join(map(str, value)) if isinstance(value, (tuple, list)) else value for name, value in values.items()}


def _flat(values, prefix=""):
    """Dicts within a dict, their keys joined by a slash."""
    found = {}
    for name, value in values.items():
        found |= _flat(value, f"{prefix}{name}/") if isinstance(value, dict) else {prefix + name: value}
    return found

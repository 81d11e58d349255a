"""What is kept and shown of a run while it trains: the curve, the progress bar, the boards, the checkpoints."""

import signal
import time

import tensorflow as tf
from tqdm import tqdm

CURVE_POINTS = 20  # of the curve, at most; spread evenly over the steps
SHOWN = {
    "loss": "loss {:.4f}",
    "consistency_deg": "consistency {:.2f} deg",
    "rotation_error_deg": "error {:.2f} deg",
    "mae": "error {:.3f} sd",
}


class Progress(tf.keras.callbacks.Callback):
    """Follows a run from any step on; all of it that outlives the process is in `state`.

    Args:
        config: `udl_tf.presets.Config`. measure: ``(step, model) -> dict of floats``, taken at every point of the curve.
        boards: objects with ``step(step, logs, busy_s, waited_s)``, called after each step, and ``point(step, model, measures)``,
            at each point. verbose: 1 shows a progress bar.

    Attributes:
        step: steps done. history: dict of lists, ``step``, ``loss`` (the mean since the point before) and what `measure` gives.
        seconds: spent, also in processes before this one.
    """

    def __init__(self, config, measure, boards=(), verbose=1):
        super().__init__()
        self._measure, self._boards, self._total = measure, boards, config.steps
        self._points = {round(config.steps * i / CURVE_POINTS) for i in range(1, CURVE_POINTS + 1)} - {0}
        self.step, self.history, self._loss, self._count = 0, {"step": [], "loss": []}, 0.0, 0
        self._before, self._since = 0.0, time.monotonic()
        self._bar = tqdm(total=config.steps, unit="step", disable=not verbose)

    @property
    def seconds(self):
        return self._before + time.monotonic() - self._since

    def state(self):
        """A dict for JSON, for `restore`."""
        return {
            "step": self.step,
            "history": self.history,
            "loss": self._loss,
            "count": self._count,
            "seconds": self.seconds,
        }

    def restore(self, state):
        """Go on where another run's `state` was taken."""
        self.step, self.history, self._loss, self._count = (state[key] for key in ("step", "history", "loss", "count"))
        self._before, self._since = state["seconds"], time.monotonic()
        self._bar.update(self.step)

    def close(self):
        """Take the bar away."""
        self._bar.close()

    def on_train_batch_begin(self, batch, logs=None):
        self._begin = time.time()

    def on_train_batch_end(self, batch, logs=None):
        end = time.time()
        logs = {name: float(value) for name, value in logs.items()}
        waited = max(0.0, logs.pop("fetched", self._begin) - self._begin)
        self.step += 1
        self._loss, self._count = self._loss + logs["loss"], self._count + 1
        self._bar.update(1)
        for board in self._boards:
            board.step(self.step, logs, end - self._begin, waited)
        if self.step in self._points:
            self._point()

    def _point(self):
        measures = {"loss": self._loss / self._count, **self._measure(self.step, self.model)}
        self._loss, self._count = 0.0, 0
        self.history["step"].append(self.step)
        for name, value in measures.items():
            self.history.setdefault(name, []).append(value)
        self._bar.set_postfix_str(", ".join(text.format(measures[name]) for name, text in SHOWN.items() if name in measures))
        for board in self._boards:
            board.point(self.step, self.model, measures)


class CheckpointKeeper(tf.keras.callbacks.Callback):
    """Saves checkpoints when they are due, at the end, and when the process is asked to stop; it then ends the training.

    Args:
        checkpoints: `checkpoints.Checkpoints`, or None. progress: `Progress`, called before this. variables: all of the state.
        stop: `stopping.Stop`. agree: ``flag -> bool``: whether it is set in any process that trains along; they stop together.
    """

    def __init__(self, checkpoints, progress, variables, stop, agree=bool):
        super().__init__()
        self._agree = agree
        self._checkpoints, self._progress, self._variables, self._stop = checkpoints, progress, variables, stop
        self._saved = None

    def save(self):
        """Save now, if anything was done since the last time."""
        if self._progress.step != self._saved:
            arrays = [variable.numpy() for variable in self._variables]
            self._checkpoints.save(self._progress.step, arrays, self._progress.state())
            self._saved = self._progress.step

    def restore(self):
        """Set the variables and the progress to the last sound checkpoint, if there is one."""
        found = self._checkpoints.latest()
        if found:
            self._saved, arrays, state = found
            for variable, array in zip(self._variables, arrays, strict=True):
                variable.assign(array)
            self._progress.restore(state)

    def on_train_batch_end(self, batch, logs=None):
        if self._agree(self._stop.asked):
            self._stop.asked = self._stop.asked or signal.SIGTERM  # another process was asked
            self.model.stop_training = True
        elif self._checkpoints and self._checkpoints.due:
            self.save()

    def on_train_end(self, logs=None):
        if self._checkpoints:
            self.save()

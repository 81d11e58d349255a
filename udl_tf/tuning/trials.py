"""The trials of a search: each trains one configuration from nothing and measures it without truth."""

import contextlib
import dataclasses
import gc
import io
import json
import logging
import math
import pathlib
import time

import keras_tuner
import tensorflow as tf
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import TrialStatus
from keras_tuner.errors import FailedTrialError

from udl_tf.presets import as_dict
from udl_tf.training.run_record import write_json
from udl_tf.training.tasks import task_of
from udl_tf.tuning.oracles import OBJECTIVE, share_of_steps
from udl_tf.tuning.space import configuration

LOG = logging.getLogger(__name__)
PAIRS = 512  # held-out pairs a trial is measured on: more than the curve of a run has, since trials differ by little
FOLDER = "trials"  # inside the folder of the search
RECORD, WEIGHTS = "config.json", "network.weights.h5"  # of a trial, in its own folder; the first is a preset for `fit`


class Space(keras_tuner.HyperModel):
    """`space.configuration` as keras-tuner wants it; what it builds is a configuration.

    Args:
        base: `udl_tf.presets.Config` the search starts from. simulated: see `space.configuration`.
    """

    def __init__(self, base, simulated):
        super().__init__()
        self.base, self.simulated = base, simulated

    def build(self, hp):
        """`udl_tf.presets.Config`."""
        return configuration(hp, self.base, self.simulated)


class Search(BaseTuner):
    """Runs the trials of an oracle one after the other, or goes on where an earlier process stopped.

    Args:
        space: `Space`. oracle: of `oracles.make_oracle`. folder: of the search, a `pathlib.Path` that exists.
        run: ``(Config, folder of the trial) -> degrees``, trains and measures one configuration, such as `measured`.
        tell: called after each trial with the seconds it took.
    """

    def __init__(self, space, oracle, folder, run, tell):
        self._run, self._tell, self._seconds = run, tell, 0.0
        oracle.verbose = 0
        with contextlib.redirect_stdout(io.StringIO()):  # it says there what it has reloaded
            super().__init__(oracle, space, directory=str(folder), project_name=FOLDER)

    def config_of(self, trial):
        """The configuration a trial trains, with the steps it was given."""
        config = self.hypermodel.build(trial.hyperparameters.copy())
        return dataclasses.replace(config, steps=max(1, round(config.steps * share_of_steps(trial))))

    def run_trial(self, trial):
        """Train and measure; a trial that cannot be trained has failed, and the search goes on."""
        start = time.monotonic()
        config = self.config_of(trial)
        folder = pathlib.Path(self.get_trial_dir(trial.trial_id))
        try:
            found = self._run(config, folder)
            if not math.isfinite(found):
                raise FailedTrialError(f"the measure is {found}")
        except Exception as error:
            LOG.debug("trial %s", trial.trial_id, exc_info=True)
            raise FailedTrialError(one_line(error)) from error
        finally:
            self._seconds = time.monotonic() - start
        write_json(folder / RECORD, {"config": as_dict(config), OBJECTIVE: found, "seconds": round(self._seconds, 1)})
        return {OBJECTIVE: found}

    def _try_run_and_update_trial(self, trial, *args, **options):
        """keras-tuner's own prints a traceback and keeps it as the message."""
        try:
            self._run_and_update_trial(trial, *args, **options)
            trial.status = TrialStatus.COMPLETED
        except FailedTrialError as error:
            trial.status, trial.message = TrialStatus.FAILED, str(error)

    def on_trial_end(self, trial):
        """Keep the outcome, then tell it."""
        super().on_trial_end(trial)
        self._tell(self._seconds)

    def config(self, number):
        """The configuration of trial `number`, counted from 0."""
        return self.config_of(next(trial for key, trial in self.oracle.trials.items() if int(key) == number))

    def rows(self):
        """The trials that have ended, for `ranking.ranked`; ``seconds`` is None where one failed, ``message`` where not."""
        found = []
        for key in self.oracle.end_order:
            trial, seconds = self.oracle.get_trial(key), None
            record = pathlib.Path(self.get_trial_dir(key)) / RECORD
            if trial.status == TrialStatus.COMPLETED and record.exists():
                seconds = json.loads(record.read_text())["seconds"]
            found.append(
                {
                    "trial": int(key),
                    "status": trial.status,
                    OBJECTIVE: trial.score if trial.status == TrialStatus.COMPLETED else None,
                    "steps": self.config_of(trial).steps,
                    "seconds": seconds,
                    "values": {name: value for name, value in trial.hyperparameters.values.items() if "/" not in name},
                    "message": trial.message,
                }
            )
        return found

    def save(self):
        """All of the state is the oracle's."""
        self.oracle.save()

    def reload(self):
        """Likewise."""
        self.oracle.reload()

    def _get_tuner_fname(self):
        return self.oracle._get_oracle_fname()  # what keras-tuner looks for, to know whether there is anything to go on with


def measured(config, folder, data=None, simulate_from=None):
    """Train a configuration from nothing and measure its consistency, degrees. The same arguments give the same number.

    The weights go to `folder`. Neither sigma and score nor the constant C are calibrated: the measure needs none of them.

    Raises:
        FailedTrialError: the loss is not a number any more.
    """
    tf.keras.backend.clear_session()
    gc.collect()
    task = task_of(config)
    gathered = task.gather(config, data, simulate_from)
    model = task.compiled(config, gathered)
    # All steps are one epoch of Keras's; the pipeline has its own order.
    options = {"steps_per_epoch": config.steps, "epochs": 1, "verbose": 0, "shuffle": False}
    model.fit(gathered.train(), callbacks=[_StopAtNaN()], **options)
    found = task.judge(config, gathered, model, PAIRS)
    model.network.save_weights(str(folder / WEIGHTS))
    return found


def one_line(error):
    """What went wrong. TensorFlow says it in dozens of lines: the first, where it happened, the reason, and the node's name."""
    lines = [line.strip().rstrip(":") for line in str(error).splitlines()]
    lines = [line for line in lines if line and not line.startswith("[[")]
    name = [] if isinstance(error, FailedTrialError) else [type(error).__name__]
    return ": ".join([*name, *dict.fromkeys(lines[:1] + lines[-1:])])


class _StopAtNaN(tf.keras.callbacks.Callback):
    """Ends a training that cannot recover."""

    def on_train_batch_end(self, batch, logs=None):
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            raise FailedTrialError(f"the loss is {loss} at step {batch + 1}")

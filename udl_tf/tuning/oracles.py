"""keras-tuner's search algorithms, made to start from a given configuration and to survive being killed at any moment.

As it comes, keras-tuner keeps the state of a search in several files that it overwrites one after the other: killed between
two of them it runs a finished trial again, or forgets one that it had begun; killed within one it cannot read it. Here all of the
state is one file, written beside and renamed; the files of the single trials are for people.
"""

import json
import pathlib

import keras_tuner
import numpy as np
from keras_tuner.engine.trial import Trial, TrialStatus

from pipelines.errors import InputError
from udl_tf.choices import ALGORITHMS
from udl_tf.training.run_record import write_json

OBJECTIVE = "consistency_deg"
BUDGETS = 4  # hyperband's largest budget in units of its smallest: a quarter, half, all of the steps
EPOCHS = "tuner/epochs"  # keras-tuner's name for the budget
STRIDE = 99_991  # keras-tuner draws its nth number from seed + n: neighbouring seeds would give two searches the same values
FOREVER = 1_000_000  # hyperband's rounds: the number of trials ends the search, not they


def make_oracle(algorithm, trials, seed):
    """The oracle of a search.

    Args:
        algorithm: one of `ALGORITHMS`. trials: how many in all, the one of the defaults counted. seed: integer >= 0.

    Raises:
        InputError: unknown algorithm, or one whose libraries are not installed.
    """
    options = {
        "objective": keras_tuner.Objective(OBJECTIVE, "min"),
        "seed": 1 + seed * STRIDE % (2**31 - 1),  # keras-tuner takes 0 for: any
        "max_consecutive_failed_trials": None,  # a trial that fails says something about its values, not about the search
    }
    if algorithm == "hyperband":
        oracle = Hyperband(max_epochs=BUDGETS, factor=2, hyperband_iterations=FOREVER, **options)
        oracle.max_trials = trials
        return oracle
    if algorithm == "random":
        return Random(max_trials=trials, **options)
    if algorithm == "bayesian":
        try:
            return Bayesian(max_trials=trials, num_initial_points=max(3, trials // 3), **options)
        except ImportError:
            raise InputError("--algorithm bayesian needs scikit-learn: pip install 'udl_tf[tuning]'") from None
    raise InputError(f"unknown algorithm {algorithm!r}: expected one of {', '.join(ALGORITHMS)}")


def share_of_steps(trial):
    """What part of all training steps a trial is given: 1 but for hyperband's short ones."""
    return trial.hyperparameters.values.get(EPOCHS, BUDGETS) / BUDGETS


class Durable:
    """For an oracle to inherit before keras-tuner's class: the defaults come first, and the state is one file."""

    first_extra = {}

    def populate_space(self, trial_id):
        """Values of the next trial; the first one has the defaults."""
        if self.trials:
            return super().populate_space(trial_id)
        known, values = keras_tuner.HyperParameters(), dict(self.first_extra)
        for parameter in self.hyperparameters.space:
            known.merge([parameter])
            if known.is_active(parameter):
                known.values[parameter.name] = values[parameter.name] = parameter.default
        return {"status": TrialStatus.RUNNING, "values": values}

    def get_state(self):
        """Everything, the trials included."""
        return {**super().get_state(), "trials": {key: trial.get_state() for key, trial in self.trials.items()}}

    def save(self):
        """Write the state, whole or not at all."""
        write_json(self._get_oracle_fname(), self.get_state())

    def _save_trial(self, trial):
        write_json(pathlib.Path(self._get_trial_dir(trial.trial_id), "trial.json"), trial.get_state())

    def reload(self):
        """Read the state back. A trial that was running begins anew; all others are as they were."""
        state = json.loads(pathlib.Path(self._get_oracle_fname()).read_text())
        self.trials = {key: Trial.from_state(saved) for key, saved in state["trials"].items()}
        self.set_state(state)
        self.ongoing_trials, self._retry_queue = {}, []
        for key, trial in self.trials.items():
            if trial.status not in (TrialStatus.COMPLETED, TrialStatus.FAILED):
                self.trials[key] = Trial(trial.hyperparameters, key, TrialStatus.RUNNING)
                self._retry_queue.append(key)


class Random(Durable, keras_tuner.oracles.RandomSearchOracle):
    """Random search."""


class Hyperband(Durable, keras_tuner.oracles.HyperbandOracle):
    """Hyperband, whose epochs are quarters of the training steps; that of the defaults has all four, outside its brackets."""

    first_extra = {EPOCHS: BUDGETS, "tuner/initial_epoch": 0}


class Bayesian(Durable, keras_tuner.oracles.BayesianOptimizationOracle):
    """Bayesian optimisation; its random numbers belong to the number of the trial, so that a resumed search goes the same way."""

    def populate_space(self, trial_id):
        """Values of the next trial."""
        self._random_state = np.random.RandomState(self.seed + len(self.trials))
        return super().populate_space(trial_id)

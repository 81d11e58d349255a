"""Trains a small network in a process of its own, for a test that kills it: ``python training_program.py FOLDER [STEP]``.

Goes on from the checkpoints in FOLDER, writes one at every step, and FOLDER/end.npz at the end; the exit code is that of `fit`.
After STEP it makes the file FOLDER/waiting and waits until it is gone.
"""

import dataclasses
import pathlib
import sys
import time

import numpy as np

from udl_tf.presets import PRESETS
from udl_tf.training import trainer
from udl_tf.training.checkpoints import Checkpoints
from udl_tf.training.datasets import gather
from udl_tf.training.stopping import EXIT_CODE, TerminatedError


class Wait:
    """A board that waits after a step."""

    def __init__(self, folder, step):
        self.file, self.at = folder / "waiting", step

    def open(self, model, config, gathered):
        pass

    def step(self, step, logs, busy_s, waited_s):
        if step == self.at:
            self.file.touch()
            limit = time.monotonic() + 200
            while self.file.exists() and time.monotonic() < limit:
                time.sleep(0.02)

    def point(self, step, model, measures):
        pass


def main(folder, stop=None):
    config = dataclasses.replace(PRESETS["cryo"], box=64, sources=8, steps=12, batch=8, seed=3)
    try:
        checkpoints = Checkpoints(folder / "checkpoints", every=0.0)
        run = trainer.train(config, gather(config), 0, checkpoints=checkpoints, boards=[Wait(folder, stop)])
    except TerminatedError:
        return EXIT_CODE
    weights = {f"weight_{number}": weight for number, weight in enumerate(run.model.network.get_weights())}
    np.savez(folder / "end.npz", bias=run.calibration.bias_deg, **weights, **run.history)
    return 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:])))

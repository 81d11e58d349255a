"""Trains a small network in a process of its own, for tests that kill it: ``python training_program.py FOLDER``.

Goes on from the checkpoints in FOLDER, writes one at every step, and FOLDER/end.npz at the end; the exit code is `fit`'s.
"""

import dataclasses
import pathlib
import sys

import numpy as np

from udl_tf.presets import PRESETS
from udl_tf.training import trainer
from udl_tf.training.checkpoints import Checkpoints
from udl_tf.training.material import gather
from udl_tf.training.stopping import EXIT_CODE, TerminatedError


def main(folder):
    config = dataclasses.replace(PRESETS["cryo"], box=64, sources=8, steps=30, batch=8, seed=3)
    try:
        run = trainer.train(config, gather(config), 0, checkpoints=Checkpoints(folder / "checkpoints", every=0.0))
    except TerminatedError:
        return EXIT_CODE
    weights = {f"weight_{number}": weight for number, weight in enumerate(run.model.network.get_weights())}
    np.savez(folder / "end.npz", bias=run.calibration.bias_deg, **weights, **run.history)
    return 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))

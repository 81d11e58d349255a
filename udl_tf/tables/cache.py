"""Trained models kept in a folder each, named by all that they depend on, so that a second run of a table only measures.

OUTPUT/models/KEY/weights.npz  loss.csv  record.json
"""

import collections
import csv
import hashlib
import json
import pathlib
import zipfile

import numpy as np

from pipelines.files.atomic import atomic_folder
from udl_tf.training.run_record import write_json

KEY_LENGTH = 16
WEIGHTS, LOSS, RECORD = "weights.npz", "loss.csv", "record.json"

Kept = collections.namedtuple("Kept", "losses seconds steps")


def key(about):
    """The name of a model's folder: a hash of what it depends on.

    Args:
        about: dict of plain types: configuration, fingerprint of the data, seed, versions.
    """
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:KEY_LENGTH]


def load(folder, variables):
    """Fill variables with what `save` kept.

    Args:
        folder: of the model. variables: list of tf.Variable or Keras variables, in the order of `save`.

    Returns:
        `Kept`: `losses` (steps,), `seconds` of the training, `steps`; None where there is no such model, or one of other shapes.
    """
    folder = pathlib.Path(folder)
    try:
        record = json.loads((folder / RECORD).read_text())
        with np.load(folder / WEIGHTS) as stored:
            values = [stored[name] for name in sorted(stored.files)]
        losses = np.loadtxt(folder / LOSS, delimiter=",", skiprows=1, ndmin=2)[:, 1]
    except (OSError, ValueError, IndexError, zipfile.BadZipFile):
        return None
    if [value.shape for value in values] != [tuple(variable.shape) for variable in variables]:
        return None
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return Kept(losses, record["seconds"], len(losses))


def save(folder, about, variables, losses, seconds):
    """Keep a trained model; its folder appears when it is whole.

    Args:
        folder: its name is the `key` of `about`. variables: see `load`. losses: (steps,). seconds: of the training.
    """
    with atomic_folder(folder) as part:  # what is there is unreadable, or somebody else was faster
        np.savez(part / WEIGHTS, **{f"{i:04d}": np.asarray(variable) for i, variable in enumerate(variables)})
        with open(part / LOSS, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("step", "loss"))
            writer.writerows((step, f"{loss:.6g}") for step, loss in enumerate(losses, 1))
        write_json(part / RECORD, {"about": about, "seconds": seconds})

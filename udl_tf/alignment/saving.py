"""Writes the chain as a SavedModel that TensorFlow Serving takes as it is."""

import json
import os
import pathlib
import shutil

import tensorflow as tf


def save(chain, folder, about):
    """Save a `Chain` in `folder`, written beside and renamed; an older one is replaced.

    Signatures: see `Chain.signatures`; outputs ``angle``, ``shift``, ``score``, see `Chain.align`. Only the weights are saved
    along with them: the chain or the Keras model as saved objects would bring their graphs a second time.

    Args:
        folder: such as ``saved_models/cryo/1``. about: dict for ``assets.extra/config.json``, which travels with the model.
    """
    folder = pathlib.Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    module = tf.Module()
    module.weights = chain.weights
    try:
        tf.saved_model.save(module, str(part), signatures=chain.signatures())
        (part / "assets.extra").mkdir()
        (part / "assets.extra" / "config.json").write_text(json.dumps(about, indent=2) + "\n")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)

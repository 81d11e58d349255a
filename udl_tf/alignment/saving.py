"""Writes the chain as a SavedModel that TensorFlow Serving takes as it is, and reads its weights back."""

import json
import pathlib

import tensorflow as tf

from pipelines.errors import InputError
from pipelines.files.atomic import atomic_folder
from udl_tf.alignment import saved_graph


def save(chain, folder, about):
    """Save a `Chain` in `folder`, written beside and renamed; an older one is replaced.

    Signatures: see `Chain.signatures`; their outputs: `udl_tf.alignment.outputs.OUTPUTS`. Only the weights are saved along with
    them: the chain or the Keras model as saved objects would bring their graphs a second time.

    Args:
        folder: such as ``saved_models/cryo/1``. about: dict for ``assets.extra/config.json``, which travels with the model.
    """
    module = tf.Module()
    # The variables themselves: saved as Keras 3 wraps them, each comes twice, and loaders other than Python's restore the copy
    # that no graph reads.
    module.weights = [weight if isinstance(weight, tf.Variable) else weight.value for weight in chain.weights]
    with atomic_folder(folder) as part:
        tf.saved_model.save(module, str(part), signatures=chain.signatures())
        saved_graph.finish(part)
        (part / "assets.extra").mkdir()
        (part / "assets.extra" / "config.json").write_text(json.dumps(about, indent=2) + "\n")


def load_weights(folder, network):
    """Set the weights of a Keras model to those of a SavedModel that `save` wrote.

    Raises:
        InputError: it holds the weights of another network.
    """
    reader = tf.train.load_checkpoint(str(pathlib.Path(folder) / "variables" / "variables"))
    names = [f"weights/{number}/.ATTRIBUTES/VARIABLE_VALUE" for number in range(len(network.weights))]
    shapes, wanted = reader.get_variable_to_shape_map(), [tuple(weight.shape) for weight in network.weights]
    found = [tuple(shapes[name]) for name in sorted(shapes) if name.startswith("weights/")]
    if sorted(found) != sorted(wanted) or [tuple(shapes[name]) for name in names] != wanted:
        raise InputError(f"{folder}: weights of shapes {found}, expected {wanted}, those of the preset's network")
    network.set_weights([reader.get_tensor(name) for name in names])

"""Writes a model as a numbered version that a server picks up by itself."""

import json
import pathlib
import re

import tensorflow as tf

from pipelines.errors import InputError
from pipelines.files.atomic import atomic_folder
from udl_tf.serving import signatures, warmup


def export(source, target, box=None, about=None):
    """Write a SavedModel with all signatures, warm-up requests and its description.

    Args:
        source: folder of a SavedModel that `udl_tf.fit` or this function wrote.
        target: folder of the model, such as ``saved_models/cryo``; its name is that of the model.
        box: fixes the size of images; None for any size.
        about: dict that joins the source's own ``config.json``.

    Returns:
        Path of the new version's folder, whose number is one more than the largest there.

    Raises:
        InputError: the source is no such model, the name is none a server takes, or the target cannot be written.
    """
    source, target = pathlib.Path(source), pathlib.Path(target)
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", target.name):
        raise InputError(f"--name {target.name}: expected letters, digits, '_', '-' and '.', as a server's addresses have them")
    if box is not None and not signatures.SMALLEST <= box <= signatures.LARGEST:
        raise InputError(f"--box {box}: expected {signatures.SMALLEST} to {signatures.LARGEST} pixels")
    model = _load(source)
    served = signatures.compose(model, box)
    try:
        target.mkdir(parents=True, exist_ok=True)
        folder = target / str(_newest(target) + 1)
        with atomic_folder(folder, replace=False) as part:  # its name is no number: servers do not see it
            _write(part, model, served, target.name, box, {**_described(source), **(about or {})})
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror or error}") from None
    return folder


def _load(source):
    try:
        model = tf.saved_model.load(str(source))
        _ = model.signatures["align_within"], model.signatures["align_pairs"]
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise InputError(f"{source}: expected a SavedModel written by udl_tf ({error})") from None
    return model


def _write(part, model, served, name, box, about):
    module = tf.Module()
    # Only what the graphs read is saved with them: the loaded object would bring its own graphs a second time.
    module.weights = _variables(model)
    tf.saved_model.save(module, str(part), signatures=served)
    extra = part / "assets.extra"
    extra.mkdir()
    (extra / "config.json").write_text(json.dumps(about, indent=2) + "\n")
    # Views are of images of one size, which pairs need not be.
    box = box or about.get("views", {}).get("box")
    warmup.write(part / warmup.FILE, warmup.requests(name, served, box))


def _variables(model):
    found = {}
    for signature in model.signatures.values():
        found.update((id(variable), variable) for variable in signature.variables)
    return list(found.values())


def _described(source):
    path = source / "assets.extra" / "config.json"
    return json.loads(path.read_text()) if path.exists() else {}


def _newest(target):
    return max((int(part.name) for part in target.iterdir() if part.name.isdigit()), default=0)

"""Write a trained model as a numbered version that a server picks up.

The version has all signatures and a few requests for warming up.

    python -m udl_tf.export runs/cryo --name mine
    python -m udl_tf.export cryo --to /srv/models --box 128

The result is TO/NAME/VERSION: a SavedModel of core TensorFlow operations, served by `python -m udl_tf.serve` and by
TensorFlow Serving. `saved_model_cli show --all --dir TO/NAME/VERSION` lists its signatures.
"""

import json
import pathlib
import sys

from pipelines.errors import InputError
from udl_tf.alignment import models
from udl_tf.commands import import_tensorflow, run


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("model", metavar="RUN_OR_MODEL", help="cryo, photo, a run folder or a SavedModel folder")
    parser.add_argument("--name", help="of the model on the server (default: that of the model or the run)")
    parser.add_argument("--to", default="saved_models", metavar="DIR", help="folder of models (default: saved_models)")
    parser.add_argument("--box", type=int, metavar="N", help="take images of N x N pixels only (default: any size)")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON, and nothing else")


def main(args):
    """Run the command; returns the exit code."""
    models.find(args.model)
    import_tensorflow()
    folder = export_model(args.model, args.name, args.to, args.box)
    print(
        json.dumps({"folder": str(folder), "name": folder.parent.name, "version": int(folder.name)})
        if args.json
        else f"wrote {folder}"
    )
    return 0


def export_model(model, name=None, to="saved_models", box=None):
    """Export a model by its shipped name, run folder or SavedModel folder.

    Returns:
        Path of the new version's folder.

    Raises:
        InputError: anything a user can mend; nothing is written then.
    """
    import tensorflow as tf

    import udl_tf

    try:
        from udl_tf.serving.exporting import export
    except ImportError as error:
        raise InputError(f'serving needs more packages ({error.name}): pip install "udl_tf[serving]"') from None

    source = models.find(model)
    about = {"exported": {"udl_tf": udl_tf.__version__, "tensorflow": tf.__version__, "box": box}}
    metrics = pathlib.Path(model) / "metrics.json"  # of a run folder: the errors that were measured
    if metrics.is_file():
        about["metrics"] = json.loads(metrics.read_text())
    return export(source, pathlib.Path(to) / (name or _name(model)), box, about)


def _name(model):
    """The name of a model that was not told: that of the shipped model or run, not ``model`` and not a number."""
    parts = pathlib.Path(model).resolve().parts if pathlib.Path(model).exists() else (str(model),)
    return next((part for part in reversed(parts) if not part.isdigit() and part != "model"), "model")


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))

"""Write a trained model as a numbered version that a server picks up.

The version has all signatures and a few requests for warming up.

    python -m udl_tf.export runs/cryo --name mine
    python -m udl_tf.export cryo --to /srv/models --box 128
    python -m udl_tf.export --program cryo-paper --output programs

The result is TO/NAME/VERSION: a SavedModel of core TensorFlow operations, served by `python -m udl_tf.serve` and by
TensorFlow Serving. `saved_model_cli show --all --dir TO/NAME/VERSION` lists its signatures.

With --program it is the training of a preset or run instead, as StableHLO programs that any PJRT runtime runs, with a JSON that
says what goes in and comes out (docs/programs.md).
"""

import json
import pathlib
import sys

from pipelines.errors import InputError
from udl_tf.alignment import models
from udl_tf.commands import import_tensorflow, require, run
from udl_tf.presets import resolve


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("model", metavar="RUN_OR_MODEL", nargs="?", help="cryo, photo, a run folder or a SavedModel folder")
    parser.add_argument("--name", help="of the model on the server (default: that of the model or the run)")
    parser.add_argument("--to", default="saved_models", metavar="DIR", help="folder of models (default: saved_models)")
    parser.add_argument("--box", type=int, metavar="N", help="take images of N x N pixels only (default: any size)")
    program = parser.add_argument_group("programs")
    program.add_argument("--program", metavar="RUN_OR_PRESET", help="write its training: a preset, config .json or run folder")
    program.add_argument("--output", metavar="DIR", help="new folder for the programs")
    program.add_argument("--simulate-from", metavar="IMAGES", help="clean particles of pairs (default: the run's, or phantoms)")
    program.add_argument("--pictures", type=int, metavar="N", help="photographs that pairs are drawn from (default: 256)")
    program.add_argument("--noise", metavar="KIND:LEVEL", help="of pairs: clean, gaussian:SNR, s&p:SHARE, ...")
    program.add_argument("--batch", type=int, help="pairs a step")
    program.add_argument("--seed", type=int, help="of the disturbances")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON, and nothing else")


def main(args):
    """Run the command; returns the exit code."""
    programs = ("output", "simulate_from", "pictures", "noise", "batch", "seed")
    models_only = ("model", "name", "box")
    wrong = [name for name in (models_only if args.program else programs) if getattr(args, name) is not None]
    if wrong or not (args.program or args.model):
        said = f"received {wrong[0].replace('_', '-')}" if wrong else "received neither"
        raise InputError(f"{said}: expected RUN_OR_MODEL [--name --to --box], or --program RUN_OR_PRESET --output DIR [...]")
    if args.program:
        return _export_programs(args)
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


def _export_programs(args):
    if args.output is None:
        raise InputError("received --program without --output: expected --output DIR, a new folder")
    require(args.simulate_from)
    given = {name: getattr(args, name) for name in ("noise", "batch", "seed")}
    if not pathlib.Path(args.program).is_dir():
        resolve(args.program, **given)
    import_tensorflow()
    from udl_tf.programs.exporting import PICTURES, export_programs

    content = export_programs(args.program, args.output, args.simulate_from, args.pictures or PICTURES, **given)
    if args.json:
        print(json.dumps({"folder": args.output, **content}))
        return 0
    for name, program in content["programs"].items():
        size = (pathlib.Path(args.output) / program["file"]).stat().st_size
        print(f"{name:12s}{len(program['inputs']):5d} inputs {len(program['outputs']):5d} outputs {size / 1e6:8.2f} MB")
    print(f"wrote {args.output}")
    return 0


def _name(model):
    """The name of a model that was not told: that of the shipped model or run, not ``model`` and not a number."""
    parts = pathlib.Path(model).resolve().parts if pathlib.Path(model).exists() else (str(model),)
    return next((part for part in reversed(parts) if not part.isdigit() and part != "model"), "model")


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))

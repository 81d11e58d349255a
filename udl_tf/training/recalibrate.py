"""Write a SavedModel anew from its weights: today's chain around them, calibrated anew.

    python -m udl_tf.training.recalibrate saved_models/cryo/1
    python -m udl_tf.training.recalibrate saved_models/cryo/1 --pairs 24576
    python -m udl_tf.training.recalibrate saved_models/cryo/1 --keep

What a network learned is kept to the last bit; what is done with it, and the numbers of its error bar, are those of the code
that runs this. It takes some minutes on two cores; with --keep, which keeps these numbers, too, some seconds.
"""

import dataclasses
import pathlib
import sys


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("folder", help="of the SavedModel, such as saved_models/cryo/1 (replaced when the new one is whole)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--keep", action="store_true", help="keep the numbers of the error bar: only the chain is today's")
    how.add_argument("--pairs", type=int, metavar="N", help="calibrate on N pairs (default: as many as last time)")


def main(args):
    """Run the command; returns the exit code."""
    known = recalibrate(args.folder, args.keep, args.pairs)
    print(f"{args.folder}: standard error {known.sigma}, {len(known.score)} weights of the score")
    return 0


def recalibrate(folder, keep=False, pairs=None):
    """Replace the SavedModel in a folder; returns its `Confidence`.

    Args:
        folder: of the SavedModel. keep: keep the `Confidence` that it has.
        pairs: how many to calibrate on, by default as its configuration says, which then says this.

    Raises:
        InputError: it is not one that `udl_tf.fit` wrote.
    """
    import json

    from pipelines.errors import InputError
    from udl_tf import presets
    from udl_tf.alignment.chain import Chain
    from udl_tf.alignment.confidence import Confidence
    from udl_tf.alignment.saving import load_weights, save
    from udl_tf.networks.build import build
    from udl_tf.networks.registry import network_of
    from udl_tf.training import confidence

    about_path = pathlib.Path(folder) / "assets.extra" / "config.json"
    config, about = presets.resolve(str(about_path), calibration_pairs=pairs), json.loads(about_path.read_text())
    needless = network_of(config.network).proposes == "poses"  # such a network has none
    network, bias = build(config), about.get("bias_deg", 0.0 if needless else None)
    if bias is None:
        raise InputError(f"{folder}: expected bias_deg in assets.extra/config.json, the constant of the network's angle")
    load_weights(folder, network)
    known = Confidence(**about.get("confidence", {})) if keep else confidence.calibrate(Chain(network, config, bias), config, 1)
    told = {**about, "config": presets.as_dict(config), "confidence": dataclasses.asdict(known)}
    save(Chain(network, config, bias, known), folder, told)
    return known


if __name__ == "__main__":
    from udl_tf.commands import run

    sys.exit(run(__doc__, add_args, main))

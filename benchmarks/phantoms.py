"""Goal 1: `fit --preset cryo` with no data at all, measured on other phantoms (SNR 0.1).

    python benchmarks/phantoms.py

Errors modulo 180 degrees on phantoms it did not train on. Goals: at most 180 s of training and 1.0 degree mean error.
"""

import sys
import tempfile

from harness import run


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("--preset", default="cryo", help="preset or config file (default: cryo)")
    parser.add_argument("--steps", type=int, help="training steps (default: the preset's)")
    parser.add_argument("--seed", type=int, default=0)


def main(args):
    """The rows of the table."""
    from udl_tf.training.runs import fit

    with tempfile.TemporaryDirectory() as folder:
        return rows_of(fit(args.preset, output=f"{folder}/run", verbose=0, steps=args.steps, seed=args.seed))


def rows_of(metrics):
    """One row for the network alone, one for the aligner."""
    parts = {"network": "network_rotation_error_deg", "aligner": "rotation_error_deg"}
    rows = [{"part": part, **{f"{name} deg": value for name, value in metrics[key].items()}} for part, key in parts.items()]
    rows[1] |= {
        "goal, mean": 1.0,
        "right half-turn, %": 100.0 * metrics["right_half_turn"],
        "shift px": metrics["shift_error_px"]["mean"],
        "training s": metrics["seconds"],
        "goal, s": 180,
        "steps": metrics["steps"],
    }
    return rows


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))

"""Goal 2: train on noisy copies of a class average (`fit --preset cryo --simulate-from X.mrc --snr 0.1`).

    python benchmarks/class_averages.py --data ../shared/data

The paper's setting: its network, trained the same way, reached the errors in the column `paper`. Held-out pairs show
the same image with other noise and other poses. Errors in degrees modulo 180. Goal for the time: 180 s each.
"""

import sys
import tempfile

from harness import add_data, data_path, progress, run

PAPER_AND_GOAL = {"groel": (0.84, 0.50), "empiar10034": (3.27, 0.80), "empiar10065": (2.33, 0.85)}


def add_args(parser):
    """Declare the arguments."""
    add_data(parser)
    parser.add_argument("--snr", type=float, default=0.1)
    parser.add_argument("--steps", type=int, help="training steps (default: the preset's)")
    parser.add_argument("--seed", type=int, default=0)


def main(args):
    """The rows of the table."""
    paths = {name: data_path(args.data, "cryo/class_averages", f"{name}.mrc") for name in PAPER_AND_GOAL}
    rows = []
    for name, path in paths.items():
        progress(name)
        paper, goal = PAPER_AND_GOAL[name]
        rows.append({"image": name, **trained(path, args.snr, args.steps, args.seed), "paper": paper, "goal": goal})
    return rows


def trained(path, snr, steps, seed):
    """Train on noisy copies of an image and measure: one row."""
    from udl_tf.training.runs import fit

    with tempfile.TemporaryDirectory() as folder:
        metrics = fit("cryo", None, str(path), f"{folder}/run", verbose=0, noise=f"gaussian:{snr:g}", steps=steps, seed=seed)
    return {
        "network deg": metrics["network_rotation_error_deg"]["mean"],
        "aligner deg": metrics["rotation_error_deg"]["mean"],
        "aligner p95": metrics["rotation_error_deg"]["p95"],
        "shift px": metrics["shift_error_px"]["mean"],
        "right half-turn, %": 100.0 * metrics["right_half_turn"],
        "training s": metrics["seconds"],
    }


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))

"""Goal 3: train on noisy particles alone (`fit --preset cryo --data clpb_side.mrcs`), align held-back ones.

    python benchmarks/semireal.py --data ../shared/data

Simulated signal with CTF, noise from real micrographs; particles 1-300 have SNR 0.1, 301-600 SNR 0.05. Training sees
two particles in three and no STAR file. Scored with the truth of that file, on pairs of different held-back particles
of one half, errors in degrees modulo 180. Goals for the mean: 1.1 at SNR 0.1, 4 at SNR 0.05.
"""

import sys
import tempfile

from harness import add_data, data_path, progress, run

HALVES = {0.1: (0, 300, 1.1), 0.05: (300, 600, 4.0)}  # SNR: first and last particle, goal


def add_args(parser):
    """Declare the arguments."""
    add_data(parser)
    parser.add_argument("--run", metavar="DIR", help="score this run folder instead of training")
    parser.add_argument("--steps", type=int, help="training steps (default: the preset's)")
    parser.add_argument("--pairs", type=int, default=500, help="of each half (default: 500)")
    parser.add_argument("--seed", type=int, default=0)


def main(args):
    """The rows of the table."""
    from udl_tf.training.runs import fit

    stack = data_path(args.data, "cryo/semireal/clpb_side.mrcs")
    truth = data_path(args.data, "cryo/semireal/clpb_side_truth.star")
    if args.run:
        return scored(args.run, stack, truth, args.pairs, args.seed)
    with tempfile.TemporaryDirectory() as folder:
        metrics = fit("cryo", str(stack), output=f"{folder}/run", verbose=0, steps=args.steps, seed=args.seed)
        progress(f"trained {metrics['steps']} steps in {metrics['seconds']:.0f} s")
        rows = scored(f"{folder}/run", stack, truth, args.pairs, args.seed)
    rows[1]["training s"] = metrics["seconds"]
    return rows


def scored(folder, stack_path, truth_path, count, seed):
    """Rows for the network and the aligner of a run folder on both halves of the stack."""
    import numpy as np
    import scoring

    import udl_tf
    from pipelines import geometry
    from pipelines.files import opening

    stack, star = opening.open_source(stack_path), opening.open_source(truth_path).star
    angle, shift = star.poses(stack.shape[0])  # what brings each particle onto the reference
    aligner, network = udl_tf.load(folder), scoring.network_of(folder)
    rows = []
    for snr, (start, stop, goal) in HALVES.items():
        first, second = held_back_pairs(start, stop, count, np.random.default_rng(seed))
        poses = [(angle[part].astype(np.float32), shift[part].astype(np.float32)) for part in (first, second)]
        true_angle, true_shift = geometry.compose(poses[1], geometry.inverse(*poses[0]))
        truth = {"angle": np.asarray(true_angle), "shift": np.asarray(true_shift)}
        fixed, moving = stack.read(first), stack.read(second)
        found = scoring.score(*scoring.aligned_by(aligner)(fixed, moving), truth, 180.0)
        alone = scoring.errors(network(fixed, moving), truth["angle"], 180.0)
        rows.append({"SNR": snr, "part": "network", **alone})
        rows.append({"SNR": snr, "part": "aligner", **found, "pairs": len(first), "goal, mean": goal})
    return rows


def held_back_pairs(start, stop, count, random):
    """Indices (count,) twice: different pairs of two particles from start to stop that training never saw."""
    import numpy as np

    from udl_tf.training.datasets import HELD_OUT

    rows = np.arange(start, stop)
    rows = rows[rows % HELD_OUT == HELD_OUT - 1]
    first, second = np.triu_indices(len(rows), 1)
    chosen = random.choice(len(first), min(count, len(first)), replace=False)
    turned = random.random(len(chosen)) < 0.5  # either of the two may be the fixed one
    first, second = rows[first[chosen]], rows[second[chosen]]
    return np.where(turned, second, first), np.where(turned, first, second)


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))

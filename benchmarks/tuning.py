"""Does the search without truth find what the truth would choose? `tune` on noisy particles, truth looked at only afterwards.

    python benchmarks/tuning.py --data ../shared/data
    python benchmarks/tuning.py --data ../shared/data --trials 8 --steps 60 --algorithm random --directory search

Data as in `semireal.py`: simulated signal with CTF, noise from real micrographs, half at SNR 0.1, half at 0.05. The search sees
no STAR file. Then every trial's network is scored on pairs of held-back particles, mean error modulo 180 degrees, and ranked
against the measure (Spearman). For the preset and the trial that won, the aligner made of the network is scored, too. Goals: rank
correlation 0.8, the winner's error not above the preset's, 30 minutes for 20 trials on two cores.
"""

import sys
import tempfile
import time

from harness import add_data, data_path, progress, run

BATCH = 64
SEED = 0


def add_args(parser):
    """Declare the arguments."""
    from udl_tf.tuning.oracles import ALGORITHMS

    add_data(parser)
    parser.add_argument("--preset", default="cryo")
    parser.add_argument("--algorithm", choices=ALGORITHMS, default="hyperband")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--steps", type=int, help="of a full trial (default: the preset's)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pairs", type=int, default=1500, help="of each half (default: 1500)")
    parser.add_argument("--directory", metavar="DIR", help="keep the search here; one that is finished is only scored")


def main(args):
    """The rows of the table."""
    stack = data_path(args.data, "cryo/semireal/clpb_side.mrcs")
    truth = data_path(args.data, "cryo/semireal/clpb_side_truth.star")
    with tempfile.TemporaryDirectory() as spare:
        return searched(args, stack, truth, args.directory or f"{spare}/search")


def searched(args, stack, truth_path, folder):
    """Rows for the trials of a search, then for its preset and its winner as aligners, then the summary."""
    import numpy as np

    from udl_tf.tune import tune
    from udl_tf.tuning import ranking

    start = time.perf_counter()
    options = {"algorithm": args.algorithm, "trials": args.trials, "seed": args.seed, "steps": args.steps}
    trials = tune(args.preset, str(stack), directory=folder, tell=progress, **options)["trials"]
    spent = time.perf_counter() - start
    inputs, truth = held_out(stack, truth_path, args.pairs)
    first, rows = next(trial["values"] for trial in trials if trial["trial"] == 0), []
    done = [trial for trial in trials if trial["consistency_deg"] is not None]
    for trial in done:
        network, config = network_of(folder, trial)
        found = errors(angles(network, config, inputs), truth["angle"])
        row = {"trial": trial["trial"], "steps": trial["steps"], "measure deg": trial["consistency_deg"], **found}
        rows.append({**row, "trial s": trial["seconds"], "what": ranking.changes(trial, first)})
    for trial in {0: None, done[0]["trial"]: None}:
        chosen = next(row for row in done if row["trial"] == trial)
        progress(f"aligner of trial {trial}")
        rows.append(
            {"trial": trial, "what": "the aligner made of it", **aligner_errors(*network_of(folder, chosen), inputs, truth)}
        )
    scored = [row for row in rows if "measure deg" in row]
    measure, true = ([row[name] for row in scored] for name in ("measure deg", "error deg"))
    full = [i for i, trial in enumerate(done) if trial["rank"] is not None]
    rank = [spearman(measure, true), spearman(np.take(measure, full), np.take(true, full))]
    what = (
        f"Spearman {rank[0]:.2f} over {len(done)} trials, {rank[1]:.2f} over the {len(full)} with all steps; search {spent:.0f} s"
    )
    return [*rows, {"trial": "all", "what": what}]


def held_out(stack_path, truth_path, count):
    """Inputs and truth of pairs of held-back particles, `count` from either half of the stack."""
    import numpy as np
    from semireal import HALVES, held_back_pairs

    from pipelines import geometry
    from pipelines.files import opening

    stack, star = opening.open_source(stack_path), opening.open_source(truth_path).star
    angle, shift = star.poses(stack.shape[0])
    chosen = [held_back_pairs(first, last, count, np.random.default_rng(SEED)) for first, last, _ in HALVES.values()]
    first, second = (np.concatenate(part) for part in zip(*chosen, strict=True))
    poses = [(angle[part].astype(np.float32), shift[part].astype(np.float32)) for part in (first, second)]
    true_angle, true_shift = geometry.compose(poses[1], geometry.inverse(*poses[0]))
    truth = {"angle": np.asarray(true_angle), "shift": np.asarray(true_shift)}
    return {"fixed": stack.read(first), "moving": stack.read(second)}, truth


def network_of(folder, trial):
    """The trained network of a trial and its configuration."""
    import pathlib

    from udl_tf import presets
    from udl_tf.networks.build import build
    from udl_tf.tuning.trials import FOLDER, RECORD, WEIGHTS

    own = next(path for path in pathlib.Path(folder, FOLDER).glob("trial_*") if int(path.name[6:]) == trial["trial"])
    config = presets.load(own / RECORD)
    network = build(config)
    network.load_weights(str(own / WEIGHTS))
    return network, config


def angles(network, config, inputs):
    """The network's angles (n,), degrees."""
    import numpy as np
    import tensorflow as tf

    from pipelines.normalise import normalise
    from pipelines.spectra.resample import fourier_resample
    from udl_tf.networks.output import degrees

    def prepared(images):
        return normalise(fourier_resample(tf.constant(images), config.box))

    found = []
    for rows in (slice(start, start + BATCH) for start in range(0, len(inputs["fixed"]), BATCH)):
        output = network({name: prepared(images[rows]) for name, images in inputs.items()}, training=False)
        found.append(degrees(output, config.period))
    return np.concatenate(found)


def errors(angle, truth):
    """Mean and median error modulo 180 degrees, and the mean over the full circle."""
    import scoring

    half, full = scoring.errors(angle, truth, 180.0), scoring.errors(angle, truth, 360.0)
    return {"error deg": half["mean deg"], "median deg": half["median deg"], "over 360 deg": full["mean deg"]}


def aligner_errors(network, config, inputs, truth):
    """The same of the whole aligner made of a network."""
    import pathlib

    import scoring

    from udl_tf.alignment.aligner import Aligner
    from udl_tf.alignment.chain import Chain
    from udl_tf.alignment.saving import save
    from udl_tf.presets import as_dict

    with tempfile.TemporaryDirectory() as folder:
        save(Chain(network, config), pathlib.Path(folder, "model", "1"), {"config": as_dict(config)})
        angle, _ = scoring.aligned_by(Aligner(pathlib.Path(folder, "model", "1")))(inputs["fixed"], inputs["moving"])
    return errors(angle, truth["angle"])


def spearman(first, second):
    """Rank correlation of two sequences; equal values share the mean of their ranks."""
    import numpy as np

    def ranks(values):
        values = np.asarray(values, float)
        return (values[:, None] > values[None]).sum(1) + 0.5 * (values[:, None] == values[None]).sum(1)

    return float(np.corrcoef(ranks(first), ranks(second))[0, 1])


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))

"""What training is worth: `fit --preset cryo-views --views 1` on simulated particles, then pairs of new ones.

    python benchmarks/trained_views.py --data ../shared/data

For each class average and SNR, 5,000 noisy particles of it are learned from, and 500 pairs of new particles are aligned: by the
shipped model, which has never seen the particle, and by the model trained on it, through its view. The pairs are those of
`accuracy.py`. Errors in degrees over 360, of groel modulo 180: it looks nearly the same after half a turn.
"""

import pathlib
import sys
import tempfile
import time

from harness import add_data, data_path, progress, run

NAMES = ("groel", "empiar10034", "empiar10065")


def add_args(parser):
    """Declare the arguments."""
    add_data(parser)
    parser.add_argument("--images", nargs="+", choices=NAMES, default=NAMES, metavar="NAME", help="default: all three")
    parser.add_argument("--snr", nargs="+", type=float, default=(0.1, 0.02), help="default: 0.1 0.02")
    parser.add_argument("--particles", type=int, default=5000, help="to learn from (default: 5000)")
    parser.add_argument("--pairs", type=int, default=500, help="default: 500")
    parser.add_argument("--seed", type=int, default=30, help="of the pairs")


def main(args):
    """The rows of the table."""
    rows = []
    for snr in args.snr:
        for name in args.images:
            rows.append(measured(args, name, snr))
            progress(str(rows[-1]))
    return rows


def measured(args, name, snr):
    """One row."""
    import numpy as np
    import scoring

    import udl_tf
    from pipelines.files.mrc import write_mrc
    from udl_tf.chunks.executors import single_threaded
    from udl_tf.classification.fitting import fit_views
    from udl_tf.training.errors import rotation_error
    from udl_tf.views.config import ViewsConfig

    single_threaded()
    clean = scoring.clean_image(data_path(args.data, "cryo/class_averages", f"{name}.mrc"))
    seen, _ = scoring.noisy_pairs(clean, snr, args.particles // 2, args.seed + 1000)
    inputs, truth = scoring.noisy_pairs(clean, snr, args.pairs, args.seed)
    period = 180.0 if name == "groel" else 360.0
    row = {"image": name, "SNR": snr}
    with tempfile.TemporaryDirectory() as folder:
        write_mrc(pathlib.Path(folder) / "particles.mrcs", np.concatenate([seen["fixed"], seen["moving"]]), 2.0)
        began = time.process_time()
        config = ViewsConfig("One view.", views=1)
        fit_views("cryo-views", config, f"{folder}/particles.mrcs", f"{folder}/run", progress=False, say=progress)
        seconds = time.process_time() - began
        for label, model in (("shipped", "cryo"), ("trained", f"{folder}/run")):
            with udl_tf.load(model) as aligner:
                found = aligner.align(inputs["fixed"], inputs["moving"])
            error = rotation_error(found.angle, truth["angle"], period)
            row |= {f"{label} deg": float(error.mean()), f"{label} median": float(np.median(error))}
            shift = np.linalg.norm(found.shift - truth["shift"], axis=1)
            row[f"{label} px"] = float(np.median(shift))
        row |= {"sigma deg": float(np.median(found.sigma)), "score": float(found.score.mean())}
    return row | {"training CPU s": seconds}


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))

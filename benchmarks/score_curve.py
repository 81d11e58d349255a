"""Does the score fall with the signal, down to nothing, and does it say what is right? At every size and on every path.

    python benchmarks/score_curve.py --plot score.png

One row for each model, size, path and SNR. `pair`: phantoms (`cryo`) or dead-leaves pictures (`photo`), all angles. `stack`: one
phantom's noisy copies, aligned to their own average. `reference`: the same copies, aligned to the clean phantom. SNR 0 is noise
alone. `right` is within 5 degrees, modulo the symmetry that is told and, of stacks, after removing one rotation of the frame.
A served model answers as a local one does (`tests/udl_tf/serving`), so it has no rows of its own.
"""

import functools
import pathlib
import sys
import tempfile

from dirty import SIDE, WRONG, measured, phantom_pairs, pictures
from harness import progress, run

LEVELS = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 1.0)
SIDES = (64, 128, 200)
PAIRS = {"cryo": phantom_pairs, "photo": pictures}
PATHS = ("pair", "stack", "reference")


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("--count", type=int, default=256, help="pairs or particles of a row (default: 256)")
    parser.add_argument("--paths", nargs="+", choices=PATHS, default=PATHS, help="default: all")
    parser.add_argument("--fast", action="store_true", help="pairs without verification and refinement")
    parser.add_argument("--plot", metavar="FILE", help="draw the rows, PNG")
    parser.add_argument("--seed", type=int, default=5)


def main(args):
    """The rows of the table."""
    curves = [(model, side, "pair") for model in PAIRS for side in SIDES]
    curves += [("cryo", SIDE, path) for path in ("stack", "reference")]
    rows = []
    for model, side, path in curves:
        for level in LEVELS if path in args.paths else ():
            values = pair(args, model, side, level) if path == "pair" else stack(args, level, path)
            rows.append({"model": model, "px": side, "path": path, "SNR": level, **values})
            progress(str(rows[-1]))
    if args.plot:
        draw(rows, args.plot)
    return rows


def pair(args, model, side, level):
    """Scores of independent pairs."""
    fixed, moving, angle = PAIRS[model](args.count, args.seed, level, side)
    found = measured(args, model, fixed, moving, angle if level else None)
    return {"mean score": found["mean score"], "right": 1.0 - found["wrong, %"] / 100.0, "above 0.5, %": found["above 0.5, %"]}


def stack(args, level, path):
    """Scores of the noisy copies of one phantom."""
    import numpy as np
    from stack_scores import angle_between

    from pipelines import geometry
    from pipelines.files.mrc import write_mrc
    from udl_tf.particles.request import StackRequest
    from udl_tf.particles.stack_alignment import align_stack

    clean, copies, angle = turned_copies(args.count, args.seed, level)
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "copies.mrcs")
        write_mrc(file, copies, 2.0)
        options = {"reference": clean, "reference_name": "the clean phantom"} if path == "reference" else {}
        alignment, *_ = align_stack(StackRequest(str(file), **options), progress=False)
    found = alignment.result()
    period = 360.0 / found.symmetry
    answer = found.angle + (angle_between(found.angle, angle, period) if path == "stack" else 0.0)
    right = (geometry.angular_distance(answer, angle, period) <= WRONG) & (level > 0.0)
    above = 100.0 * float(np.mean(found.score > 0.5))
    return {"mean score": float(found.score.mean()), "right": float(right.mean()), "above 0.5, %": above}


@functools.cache
def turned_copies(count, seed, level):
    """(clean phantom, noisy copies, angle): copies turned by any angle; the angle (count,) brings them onto the phantom."""
    import numpy as np

    from pipelines.geometry.warp import warp
    from pipelines.pictures import phantoms

    random = np.random.default_rng([seed, 7])
    clean = phantoms.particles(1, SIDE, seed + 1000)[0]
    clean = ((clean - clean.mean()) / clean.std()).astype(np.float32)
    angle = random.uniform(0.0, 360.0, count).astype(np.float32)
    shift = random.uniform(-5.0, 5.0, (count, 2)).astype(np.float32)
    turned = warp(np.repeat(clean[None], count, 0), angle, shift).numpy()
    noisy = np.sqrt(level) * turned + random.normal(size=turned.shape)
    return clean, noisy.astype(np.float32), -angle


def draw(rows, path):
    """Mean score (lines) and share that is right (dots) against the SNR, one panel a model and path."""
    from matplotlib.figure import Figure

    place = {level: number for number, level in enumerate(LEVELS)}
    panels = {f"pairs, {model}": [row for row in rows if (row["model"], row["path"]) == (model, "pair")] for model in PAIRS} | {
        "stacks of 128 px, cryo": [row for row in rows if row["path"] != "pair"]
    }
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    for axis, (title, part) in zip(figure.subplots(1, 3, sharey=True), panels.items(), strict=True):
        names = {(row["px"], row["path"]): f"{row['px']} px" if row["path"] == "pair" else row["path"] for row in part}
        for color, (key, label) in zip(("tab:blue", "tab:orange", "tab:green"), names.items(), strict=False):
            chosen = [row for row in part if (row["px"], row["path"]) == key]
            x = [place[row["SNR"]] for row in chosen]
            axis.plot(x, [row["mean score"] for row in chosen], color=color, label=f"{label}: mean score")
            axis.plot(x, [row["right"] for row in chosen], "o", color=color, mfc="none", label=f"{label}: share right")
        axis.set(title=title, xlabel="SNR", ylim=(-0.03, 1.03))
        axis.set_xticks(range(len(LEVELS)), ["none", *(f"{level:g}" for level in LEVELS[1:])], fontsize=7)
        axis.legend(fontsize=7)
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))

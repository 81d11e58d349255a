"""Stacks of many views: are the views found, and the poses in them, and is junk told?

    python benchmarks/views.py --data ../shared/data
    python benchmarks/views.py --data ../shared/data --sets C --seeds 1 --draw tune

Sets A to D of `mixtures.sets`, one row a set and seed; the seed draws particles and noise and is that of the learner.
Settings were chosen on the draw "tune" (other molecules and directions), numbers are reported from the draw "report". CPU
seconds are those of the whole command after TensorFlow has started: reading, learning, the pass over everybody, writing.

`views found`: views that are the majority of a class of 5 or more. `psi deg`: median over particles in the right class.
`lost at 90 %`: particles that score worse than the 90 % junkiest junk. `told junk`, `lost`: by the threshold of the command.
`off centre px`: of the views, each by its largest class, the one whose average lies furthest from the true centre. `auto`: the
number of views is not given. `--coarse`: poses as they are found on the coarse grid.
"""

import pathlib
import sys
import tempfile
import time

from harness import add_data, data_path, progress, run


def add_args(parser):
    """Declare the arguments."""
    add_data(parser)
    parser.add_argument("--sets", default="A,B,C,D", help="of A, B, C, D (default: all)")
    parser.add_argument("--seeds", default="1,2,3,4,5", help="default: 1,2,3,4,5")
    parser.add_argument("--draw", default="report", choices=("report", "tune"), help="molecules and directions (default: report)")
    parser.add_argument("--views", type=int, metavar="K", help="classes asked for (default: those of the set)")
    parser.add_argument("--coarse", action="store_true", help="without the passes on the fine grid over everybody")
    parser.add_argument("--auto", action="store_true", help="do not tell the number of views")
    parser.add_argument("--snr", type=float, help="in place of that of the set")
    parser.add_argument("--count", type=int, help="particles of a set (default: 1200 or 1500)")
    parser.add_argument("--refine", action="store_true", help="refine each class at last")
    parser.add_argument("--noise", action="store_true", help="the particles' places hold noise alone")


def main(args):
    """The rows of the table."""
    from udl_tf.chunks.executors import single_threaded
    from udl_tf.views import view_model

    single_threaded()
    if args.coarse:
        view_model.FINE_PASSES = ()
    maps = data_path(args.data, "cryo", "maps")
    rows = []
    for name in args.sets.split(","):
        for seed in args.seeds.split(","):
            progress(f"set {name}, seed {seed}")
            with tempfile.TemporaryDirectory() as folder:
                rows.append(measured(args, maps, name, int(seed), pathlib.Path(folder)))
            progress(str(rows[-1]))
    return rows


def measured(args, maps, name, seed, folder):
    """The row of one set and seed."""
    import numpy as np
    from mixtures import scoring, sets

    from udl_tf.classification.job import classify_stack
    from udl_tf.classification.request import ClassRequest

    mixture = sets.make(maps, name, seed, args.draw, args.count, args.snr)
    if args.noise:
        mixture.images[:] = np.random.default_rng(seed).standard_normal(mixture.images.shape)
    path = sets.write(mixture, folder, name)
    views = None if args.auto else args.views or sets.VIEWS[name]
    request = ClassRequest(
        str(path), views, str(folder / "out.star"), str(folder / "averages.mrcs"), seed=seed, refine=args.refine
    )
    began = time.process_time()
    table = classify_stack(request, progress=False, say=progress)
    seconds = time.process_time() - began
    row = {"set": name, "seed": seed, "K": views or "auto", "classes": len(table.averages)}
    row["of junk"] = int(table.junk_class.sum())
    if args.noise:
        return row | {"told junk": float(table.junk.mean()), "CPU s": seconds}
    if name == "D":
        row |= scoring.directions(mixture, table.label, table.psi) | {"lost": float(table.junk.mean())}
    else:
        row |= scoring.score(mixture, table.label, table.psi, table.junk_score, table.junk, table.offset)
    return row | {"CPU s": seconds}


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))

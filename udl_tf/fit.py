"""Train an aligner from noisy images, without labels.

With no data it learns from phantoms made on the spot. Examples:

    python -m udl_tf.fit --preset cryo
    python -m udl_tf.fit --preset cryo --data particles.star
    python -m udl_tf.fit --preset cryo --simulate-from class_averages.mrcs --snr 0.1
    python -m udl_tf.fit --preset cryo --data particles.star --init cryo
    python -m udl_tf.fit --preset photo --data photos/
    python -m udl_tf.fit --preset photo --fixed before/ --moving after/
    python -m udl_tf.fit --preset cryo-views --data particles.star --views 10
    python -m udl_tf.fit --preset sections-interpolation --data volume.tif
    python -m udl_tf.fit --resume runs/cryo-20260102-030405

A run that was killed goes on from its last checkpoint with --resume, and ends as if it had not been.

Exit codes: 0 done; 2 bad input; 75 asked to end by SIGTERM, all saved: start again with --resume; 130 Ctrl-C. While it trains,
Ctrl-C ends the training early instead, and a model is made of what there is.
"""

import dataclasses
import functools
import json
import pathlib
import sys
import time

from pipelines.errors import InputError
from udl_tf.choices import STRATEGIES, XLA
from udl_tf.commands import import_tensorflow, require, run
from udl_tf.presets import PRECISIONS, PRESETS, SECTION_PRESETS, resolve
from udl_tf.views.config import VIEW_PRESETS

CHECKPOINT_EVERY = 30.0  # seconds
RUN = ("data", "fixed", "moving", "simulate_from", "views", "init", "snr", "noise", "steps", "batch", "precision", "seed")
REFUSED = {  # kind of run: options that do not go with it, and what does
    "resumed": (
        (*RUN, "deterministic", "xla", "output"),
        "--resume alone, the run keeps its settings and its data",
    ),
    "views": (
        (*(name for name in RUN if name not in ("data", "views", "seed")), "deterministic", "xla", "strategy"),
        "--data and --views alone",
    ),
    "sections": (("views", "snr", "noise", "simulate_from", "fixed"), "--data VOLUME at most"),
    "pairs": (("views",), f"--preset {' or '.join(VIEW_PRESETS)}"),
}


def add_args(parser):
    """Declare the arguments."""
    known = {**PRESETS, **VIEW_PRESETS, **SECTION_PRESETS}
    names = "\n".join(f"  {name:18s} {config.description}" for name, config in known.items())
    parser.epilog = f"presets:\n{names}"
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--preset", metavar="NAME", help="one of the presets below, or a config .json")
    what.add_argument("--resume", metavar="DIR", help="go on with the run in this folder, with its own settings and data")
    parser.add_argument(
        "--data",
        metavar="PATH",
        help="noisy stack (.mrcs, .star) for cryo, folder of photos for photo, volume for sections; "
        "or pairs of pictures: a .csv file with columns fixed and moving",
    )
    parser.add_argument("--fixed", metavar="DIR", help="pictures that those of --moving with the same names shall lie on")
    parser.add_argument("--moving", metavar="DIR", help="see --fixed")
    parser.add_argument("--simulate-from", metavar="IMAGES", help="clean images to make noisy copies of")
    parser.add_argument("--views", metavar="K|auto", help="of cryo-views: how many views the stack shows (default: auto)")
    parser.add_argument("--init", metavar="NAME|DIR", help="start from the weights of this model of the same preset")
    level = parser.add_mutually_exclusive_group()
    level.add_argument("--snr", type=float, help="of simulated Gaussian noise: var(signal) / var(noise)")
    level.add_argument("--noise", metavar="KIND:LEVEL", help="of simulated noise: clean, gaussian:SNR, s&p:SHARE, ...")
    parser.add_argument("--steps", type=int, help="training steps")
    parser.add_argument("--batch", type=int, help="pairs a step")
    parser.add_argument("--precision", choices=PRECISIONS, help="of the paper's network (default: float32)")
    parser.add_argument("--seed", type=int, help="of everything random; two runs with one seed are equal")
    parser.add_argument("--deterministic", action="store_true", default=None, help="slower kernels that repeat exactly, on a GPU")
    parser.add_argument("--xla", choices=XLA, help="compile the training step as one program (default: auto, on a GPU)")
    parser.add_argument("--strategy", choices=STRATEGIES, help="several GPUs or machines (default: one device)")
    parser.add_argument("--checkpoint-every", type=float, default=CHECKPOINT_EVERY, metavar="SECONDS", help="default: 30")
    parser.add_argument("--output", metavar="DIR", help="run folder (default: runs/NAME-TIME)")
    parser.add_argument("--json", action="store_true", help="print the metrics as JSON, and nothing else, to stdout")


def main(args):
    """Run the command; returns the exit code."""
    kind = _kind(args)
    refused, expected = REFUSED[kind]
    given = [name for name in refused if getattr(args, name) is not None]
    if given:
        run_of = "--resume" if args.resume else f"--preset {args.preset}"
        raise InputError(f"received --{given[0].replace('_', '-')} with {run_of}: expected {expected}")
    if (args.fixed is None) != (args.moving is None):
        raise InputError(f"received --{'moving' if args.fixed is None else 'fixed'} alone: expected --fixed DIR --moving DIR")
    if args.fixed and (args.data or args.simulate_from):
        raise InputError(f"received --fixed with --{'data' if args.data else 'simulate-from'}: expected one of them")
    require(args.resume, args.data, args.simulate_from, args.fixed, args.moving)
    config = _views_config(args) if kind == "views" else None
    if kind in ("sections", "pairs"):
        resolve(args.preset, steps=args.steps, batch=args.batch, precision=args.precision, seed=args.seed)
    output = args.resume or args.output or f"runs/{pathlib.Path(args.preset).stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    import_tensorflow()
    from udl_tf.classification import fitting

    if config is not None:
        return _learn_views(args, output, functools.partial(fitting.fit_views, args.preset, config, args.data, output))
    if args.resume and fitting.is_views(args.resume):
        return _learn_views(args, output, functools.partial(fitting.resume_views, args.resume))
    return _train(args, output)


def _kind(args):
    if args.resume:
        return "resumed"
    return "views" if args.preset in VIEW_PRESETS else "sections" if args.preset in SECTION_PRESETS else "pairs"


def _views_config(args):
    if args.data is None:
        raise InputError(f"--preset {args.preset} without --data: expected a stack of particles (.mrcs, .star)")
    views = None if args.views in (None, "auto") else args.views
    if views is not None and not (views.isdigit() and int(views)):
        raise InputError(f"--views {views}: expected a number of at least 1, or auto")
    return dataclasses.replace(VIEW_PRESETS[args.preset], views=views and int(views), seed=args.seed or 0)


def _train(args, output):
    """Train a network, on pairs or on sections, or go on with that; returns the exit code."""
    from udl_tf.training import run_table, runs
    from udl_tf.training.stopping import EXIT_CODE, TerminatedError

    verbose = 0 if args.json else 1
    try:
        if args.resume:
            metrics = runs.resume(args.resume, verbose, args.strategy, args.checkpoint_every)
        else:
            metrics = runs.fit(
                args.preset,
                (args.fixed, args.moving) if args.fixed else args.data,
                args.simulate_from,
                output,
                verbose=verbose,
                init=args.init,
                strategy=args.strategy,
                checkpoint_every=args.checkpoint_every,
                deterministic=bool(args.deterministic),
                xla=args.xla or "auto",
                noise=f"gaussian:{args.snr:g}" if args.snr is not None else args.noise,
                steps=args.steps,
                batch=args.batch,
                precision=args.precision,
                seed=args.seed,
            )
    except TerminatedError as ended:
        print(f"{ended}; go on with: python -m udl_tf.fit --resume {output}", file=sys.stderr)
        return EXIT_CODE
    if metrics is not None:  # of several workers the first one has them
        print(json.dumps(metrics) if args.json else run_table.table(metrics, output))
    return 0


def _learn_views(args, output, learn):
    """Learn the views of a stack by `learn`, and print what was found; returns the exit code."""
    from udl_tf.chunks.executors import single_threaded
    from udl_tf.classification import run_table

    single_threaded()
    metrics = learn(not args.json, (lambda text: None) if args.json else (lambda text: print(text, file=sys.stderr)))
    print(json.dumps(metrics) if args.json else run_table.table(metrics, output))
    return 0


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))

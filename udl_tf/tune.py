"""Search for a better configuration on your own images, without labels.

Trial 0 is the preset as it is. Every trial trains one configuration from nothing and measures it by its consistency: whether, on
held-out pairs, its angles follow turns that we chose, under fresh noise. No truth is used. Examples:

    python -m udl_tf.tune --preset cryo --data particles.star
    python -m udl_tf.tune --preset cryo --data particles.star --algorithm random --trials 40 --directory search

The same command goes on with a search that was stopped or killed.
"""

import dataclasses
import functools
import json
import pathlib
import sys

from pipelines.errors import InputError
from pipelines.files.atomic import holds_anything
from udl_tf.choices import ALGORITHMS
from udl_tf.commands import import_tensorflow, require, run
from udl_tf.networks.registry import network_of
from udl_tf.presets import PRESETS, as_dict, resolve

TRIALS = 20
ALGORITHM = "hyperband"
SEARCH, BEST, PICTURE = "search.json", "best.json", "search.png"


def add_args(parser):
    """Declare the arguments."""
    names = "\n".join(f"  {name:18s} {config.description}" for name, config in PRESETS.items())
    parser.epilog = f"presets:\n{names}"
    parser.add_argument("--preset", required=True, metavar="NAME", help="one of the presets below, or a config .json")
    parser.add_argument("--data", metavar="PATH", help="noisy stack (.mrcs, .star) for cryo, folder of photos for photo")
    parser.add_argument("--simulate-from", metavar="IMAGES", help="clean images to make noisy copies of")
    parser.add_argument("--algorithm", choices=ALGORITHMS, default=ALGORITHM, help=f"of the search (default: {ALGORITHM})")
    parser.add_argument("--trials", type=int, default=TRIALS, help=f"in all, the preset's own counted (default: {TRIALS})")
    parser.add_argument("--steps", type=int, help="training steps of a full trial (default: the preset's)")
    parser.add_argument("--seed", type=int, default=0, help="of the search and of everything random in it (default: 0)")
    parser.add_argument("--directory", metavar="DIR", help="folder of the search (default: runs/tune-PRESET)")
    parser.add_argument("--json", action="store_true", help="print the ranking as JSON, and nothing else, to stdout")


def main(args):
    """Run the command; returns the exit code."""
    require(args.data, args.simulate_from)
    resolve(args.preset, steps=args.steps, seed=args.seed)
    import_tensorflow()
    from udl_tf.tuning import ranking

    folder = pathlib.Path(args.directory or f"runs/tune-{pathlib.Path(args.preset).stem}")

    def tell(text):
        print(text, file=sys.stderr if args.json else sys.stdout, flush=True)

    try:
        outcome = tune(
            args.preset,
            args.data,
            args.simulate_from,
            folder,
            args.algorithm,
            args.trials,
            args.seed,
            args.steps,
            tell,
        )
    except KeyboardInterrupt:
        print(f"stopped; {folder} keeps the trials that are done, the same command goes on", file=sys.stderr)
        raise
    if args.json:
        print(json.dumps(outcome))
    else:
        print(f"{ranking.table(outcome['trials'])}\n{folder}: best.json search.png trials/")
        print(f"next: {outcome['next']}")
    return 0


def tune(
    preset,
    data=None,
    simulate_from=None,
    directory="runs/tune",
    algorithm=ALGORITHM,
    trials=TRIALS,
    seed=0,
    steps=None,
    tell=lambda text: None,
):
    """Search for the configuration with the best label-free measure, or go on with a search in the same folder.

    Args:
        preset: name or config file. data, simulate_from: see `udl_tf.training.datasets.gather`.
        directory: of the search; made anew, or the one of a search with the same arguments.
        algorithm: one of `udl_tf.choices.ALGORITHMS`. trials: in all, the preset's own counted. seed: integer >= 0.
        steps: of a full trial, None for the preset's. tell: called with a line of text after each trial.

    Returns:
        dict of ``trials`` (ranked, see `udl_tf.tuning.ranking.ranked`), ``best`` (the first of them), ``best_config`` and
        ``picture`` (paths), ``next`` (the command to go on with).

    Raises:
        InputError: anything a user can mend; or every trial failed.
    """
    from pipelines.files.lock import lock
    from udl_tf.training import run_record
    from udl_tf.training.tasks import task_of
    from udl_tf.tuning import oracles
    from udl_tf.tuning.trials import Search, Space, measured

    base = resolve(preset, steps=steps, seed=seed)
    if network_of(base.network).task != "pair":
        raise InputError(
            f"--preset {preset}: a search goes by the consistency of angles, and this network tells none: expected one of an "
            f"aligner, {', '.join(PRESETS)}"
        )
    if trials < 1:
        raise InputError(f"--trials: received {trials}, expected at least 1")
    oracle = oracles.make_oracle(algorithm, trials, seed)
    folder = pathlib.Path(directory)
    arguments = {
        "preset": str(preset),
        "data": run_record.absolute(data),
        "simulate_from": run_record.absolute(simulate_from),
        "algorithm": algorithm,
        "trials": trials,
        "config": as_dict(base),
    }
    known = _known(folder, arguments)
    # What is wrong with the data is told before anything is written.
    description = task_of(base).gather(base, data, simulate_from).description
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}") from None
    held = lock(folder)
    if not known:
        run_record.write_json(folder / SEARCH, {"arguments": arguments, **run_record.code()})
    simulated = base.material == "particles" and not data
    run = functools.partial(measured, data=data, simulate_from=simulate_from)
    search = Search(Space(base, simulated), oracle, folder, run, lambda seconds: tell(line(search.rows(), trials, seconds)))
    tell(f"{preset}: {description}\n{algorithm}, {len(search.rows())} of {trials} trials done -> {folder}")
    search.search()
    try:
        return _finish(search, folder, base, f"{preset}: {description}", arguments)
    finally:
        held.close()
        (folder / ".lock").unlink(missing_ok=True)


def line(rows, trials, seconds):
    """What is said after a trial, of the rows of `Search.rows`."""
    from udl_tf.tuning.ranking import changes

    last, start = rows[-1], next((row["values"] for row in rows if row["trial"] == 0), {})
    found = last["message"] if last["consistency_deg"] is None else f"{last['consistency_deg']:.3f} deg"
    what = f"trial {last['trial']}, {last['steps']} steps, {seconds:.0f} s: {found} ({changes(last, start)})"
    return f"{len(rows)} of {trials}: {what}"


def _finish(search, folder, base, title, arguments):
    """Rank, draw, and write the best configuration as a preset."""
    from udl_tf.training import run_record
    from udl_tf.tuning import ranking

    rows = ranking.ranked(search.rows())
    best = rows[0]
    if best["consistency_deg"] is None:
        raise InputError(f"all {len(rows)} trials failed, the first with: {best['message']}")
    description = f"{arguments['preset']} tuned in {len(rows)} trials, trial {best['trial']}: {best['consistency_deg']:.3f} deg"
    config = dataclasses.replace(search.config(best["trial"]), description=description)
    run_record.write_json(
        folder / BEST, {"config": as_dict(config), "trial": best["trial"], "arguments": arguments, **run_record.code()}
    )
    ranking.draw(folder / PICTURE, rows, title)
    source = [f"--{name.replace('_', '-')} {arguments[name]}" for name in ("data", "simulate_from") if arguments[name]]
    return {
        "trials": rows,
        "best": best,
        "best_config": str(folder / BEST),
        "picture": str(folder / PICTURE),
        "next": " ".join([f"python -m udl_tf.fit --preset {folder / BEST}", *source]),
    }


def _known(folder, arguments):
    """Whether the folder holds this very search; InputError where it holds anything else."""
    path = folder / SEARCH
    if not path.is_file():
        if folder.exists() and (not folder.is_dir() or holds_anything(folder)):
            raise InputError(f"{folder} exists and is not the folder of a search: expected a new or empty one")
        return False
    try:
        before = json.loads(path.read_text())["arguments"]
        different = [name for name in arguments if before[name] != json.loads(json.dumps(arguments[name]))]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: expected the arguments of a search ({type(error).__name__}: {error})") from None
    if different:
        was = ", ".join(f"{name} {_short(before[name], arguments[name])}" for name in different)
        raise InputError(f"{folder} holds a search with other arguments ({was}): expected the same ones, or another --directory")
    return True


def _short(before, now):
    """How an argument differs; of configurations, the fields that do."""
    if isinstance(before, dict) and isinstance(now, dict):
        return ", ".join(f"{name} was {before.get(name)}, is {now[name]}" for name in now if before.get(name) != now[name])
    return f"was {before}, is {now}"


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))

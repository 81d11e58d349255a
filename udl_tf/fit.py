"""Train an aligner from noisy images, without labels.

With no data it learns from phantoms made on the spot. Examples:

    python -m udl_tf.fit --preset cryo
    python -m udl_tf.fit --preset cryo --data particles.star
    python -m udl_tf.fit --preset cryo --simulate-from class_averages.mrcs --snr 0.1
    python -m udl_tf.fit --preset cryo --data particles.star --init cryo
    python -m udl_tf.fit --preset photo --data photos/
"""

import json
import pathlib
import sys
import time
from dataclasses import asdict, replace

from pipelines.errors import InputError


def add_args(parser):
    """Declare the arguments."""
    from udl_tf.presets import PRESETS

    names = "\n".join(f"  {name:18s} {config.description}" for name, config in PRESETS.items())
    parser.epilog = f"presets:\n{names}"
    parser.add_argument("--preset", required=True, metavar="NAME", help="one of the presets below, or a config .json")
    parser.add_argument("--data", metavar="PATH", help="noisy stack (.mrcs, .star) for cryo, folder of photos for photo")
    parser.add_argument("--simulate-from", metavar="IMAGES", help="clean images to make noisy copies of")
    parser.add_argument("--init", metavar="NAME|DIR", help="start from the weights of this model of the same preset")
    level = parser.add_mutually_exclusive_group()
    level.add_argument("--snr", type=float, help="of simulated Gaussian noise: var(signal) / var(noise)")
    level.add_argument("--noise", metavar="KIND:LEVEL", help="of simulated noise: clean, gaussian:SNR, s&p:SHARE, ...")
    parser.add_argument("--steps", type=int, help="training steps")
    parser.add_argument("--batch", type=int, help="pairs a step")
    parser.add_argument("--seed", type=int, help="of everything random; two runs with one seed are equal")
    parser.add_argument("--output", metavar="DIR", help="run folder (default: runs/NAME-TIME)")
    parser.add_argument("--json", action="store_true", help="print the metrics as JSON, and nothing else, to stdout")


def main(args):
    """Run the command; returns the exit code."""
    noise = f"gaussian:{args.snr:g}" if args.snr is not None else args.noise
    output = args.output or default_folder(args.preset)
    metrics = fit(
        args.preset,
        args.data,
        args.simulate_from,
        output,
        verbose=0 if args.json else 1,
        init=args.init,
        noise=noise,
        steps=args.steps,
        batch=args.batch,
        seed=args.seed,
    )
    print(json.dumps(metrics) if args.json else table(metrics, output))
    return 0


def fit(preset, data=None, simulate_from=None, output=None, verbose=1, init=None, **overrides):
    """Train, measure and save an aligner.

    Args:
        preset: name or config file. data, simulate_from: see `udl_tf.training.material.gather`.
        output: run folder; made anew; None for `default_folder`.
        verbose: 1 shows progress. init: None, or a model (name or folder) whose weights to start from: the paper's protocol for
            real data (section 4.3) trains on synthetic images first and on the real ones then.
        overrides: fields of `udl_tf.presets.Config`.

    Returns:
        The metrics, as in metrics.json.

    Raises:
        InputError: anything a user can mend, before anything is written.
    """
    from udl_tf.presets import as_dict, resolve

    config = resolve(preset, **overrides)
    if data and config.material == "particles" and overrides.get("noise"):
        raise InputError(
            "received --snr or --noise with --data: a noisy stack has its own; expected --simulate-from CLEAN_IMAGES"
        )
    folder = pathlib.Path(output or default_folder(preset))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists: expected a new or empty folder for the run")

    from udl_tf import report
    from udl_tf.alignment import models
    from udl_tf.alignment.aligner import Aligner
    from udl_tf.alignment.chain import Chain
    from udl_tf.alignment.saving import load_weights, save
    from udl_tf.networks.build import build
    from udl_tf.training import confidence, evaluation, material, trainer

    start = models.find(init) if init else None
    if start:
        load_weights(start, build(config))  # tell before, not after
        config = replace(config, warm_steps=0)
    pairs = material.gather(config, data, simulate_from)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the run folder {folder}: {error.strerror}") from None
    about = {"config": as_dict(config), "material": pairs.description, "init": str(init or ""), **environment()}
    write_json(folder / "config.json", about)
    if verbose:
        print(f"{preset}: {pairs.description}\n{config.steps} steps of {config.batch} pairs -> {folder}", flush=True)
    trained = trainer.train(config, pairs, str(folder / "logs"), verbose, start)
    trained.model.network.save_weights(str(folder / "network.weights.h5"))
    if verbose:
        print("calibrating sigma and score on simulated pairs", flush=True)
    bias = trained.calibration.bias_deg
    known = confidence.calibrate(Chain(trained.model.network, config, bias), config)
    save(Chain(trained.model.network, config, bias, known), folder / "model" / "1", {**about, "confidence": asdict(known)})
    measured = evaluation.evaluate(config, pairs, trained, Aligner(folder / "model" / "1"))
    write_json(folder / "metrics.json", measured.metrics)
    title = f"{preset}: {pairs.description}, {trained.steps} steps, {trained.seconds:.0f} s"
    report.draw(
        folder / "report.png", trained.history, measured.errors, config.error_period, measured.inputs, measured.aligned, title
    )
    return measured.metrics


def default_folder(preset):
    """Where a run goes that was not told: ``runs/NAME-TIME``."""
    return f"runs/{pathlib.Path(preset).stem}-{time.strftime('%Y%m%d-%H%M%S')}"


def environment():
    """Command line and versions, for config.json."""
    from udl_tf.versions import versions

    return {"command": " ".join(["python -m udl_tf.fit", *sys.argv[1:]]), "versions": versions()}


def write_json(path, content):
    """Write a JSON file; it appears when it is whole."""
    from pipelines.atomic import atomic_path

    with atomic_path(path) as part:
        part.write_text(json.dumps(content, indent=2) + "\n")


def table(metrics, output):
    """The metrics as a person wants to read them."""
    lines = [f"trained {metrics['steps']} steps in {metrics['seconds']:.0f} s ({metrics['pairs_per_second']:.0f} pairs/s)"]
    if "rotation_error_deg" in metrics:
        lines.append(f"{'error on held-out pairs':28s}{'mean':>8s}{'median':>8s}{'95 %':>8s}")
        modulo = f"rotation, modulo {metrics['period_deg']:g}"
        for name, key in (
            (f"{modulo}, deg", "rotation_error_deg"),
            ("  network alone, deg", "network_rotation_error_deg"),
            ("shift, px", "shift_error_px"),
        ):
            row = metrics[key]
            lines.append(f"{name:28s}{row['mean']:8.2f}{row['median']:8.2f}{row['p95']:8.2f}")
        lines.append(f"{'right half-turn':28s}{100 * metrics['right_half_turn']:7.1f} %")
    else:
        lines.append("truth unknown: no error measured")
    lines.append(f"{output}: config.json metrics.json report.png logs/ model/1/")
    lines.append(f"next: python -m udl_tf.align FIXED MOVING --model {output}")
    return "\n".join(lines)


if __name__ == "__main__":
    from udl_tf.commands import run

    sys.exit(run(__doc__, add_args, main))

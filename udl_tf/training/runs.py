"""A whole run: train, calibrate, measure, and write the run folder; and go on with one that was broken off."""

import json
import pathlib
from dataclasses import replace

from pipelines.errors import InputError
from pipelines.files.atomic import atomic_path, holds_anything
from pipelines.files.lock import lock
from udl_tf.alignment import models
from udl_tf.alignment.saving import load_weights
from udl_tf.networks.build import build
from udl_tf.presets import resolve
from udl_tf.training import datasets, hardware, run_record, trainer
from udl_tf.training.checkpoints import Checkpoints
from udl_tf.training.tasks import task_of


def fit(
    preset,
    data=None,
    simulate_from=None,
    output="run",
    verbose=1,
    init=None,
    strategy=None,
    checkpoint_every=30.0,
    deterministic=False,
    xla="auto",
    **overrides,
):
    """Train, measure and save an aligner.

    Args:
        preset: name or config file.
        data, simulate_from: paths, two folders of pairs, or None; of pair networks see `udl_tf.training.datasets.gather`.
        output: run folder, made anew.
        verbose: 1 shows progress. init: None, or a model (name or folder) whose weights to start from: the paper's protocol for
            real data (section 4.3) trains on synthetic images first and on the real ones then.
        strategy: one of `udl_tf.choices.STRATEGIES`. checkpoint_every: seconds.
        deterministic: see `udl_tf.training.hardware.set_up`. xla: see `hardware.compiles` there.
        overrides: fields of `udl_tf.presets.Config`.

    Returns:
        The metrics, as in metrics.json; None in a worker that is not the first.

    Raises:
        InputError: anything a user can mend, before anything is written.
        udl_tf.training.stopping.TerminatedError: SIGTERM came; `resume` goes on.
    """
    config = resolve(preset, **overrides)
    if data and (config.material == "particles" or datasets.is_pairs(data)) and overrides.get("noise"):
        raise InputError(
            "received --snr or --noise with noisy images, which have their own: expected --simulate-from CLEAN_IMAGES"
        )
    hardware.set_up(deterministic)
    devices = hardware.open_strategy(strategy)  # before TensorFlow is used for anything
    xla = hardware.compiles(xla, devices, deterministic)
    folder = pathlib.Path(output)
    if hardware.is_chief(devices) and folder.exists() and (not folder.is_dir() or holds_anything(folder)):
        raise InputError(f"{folder} exists: expected a new or empty folder for the run, or --resume {folder}")
    start = models.find(init) if init else None
    if start:
        load_weights(start, build(config))  # tell before, not after
        config = replace(config, warm_steps=0)
    gathered = task_of(config).gather(config, data, simulate_from)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the run folder {folder}: {error.strerror}") from None
    about = {"preset": str(preset), **run_record.about(config, gathered, data, simulate_from, start, deterministic, xla)}
    if hardware.is_chief(devices):
        run_record.write(folder, about)
    return _run(config, gathered, folder, about, verbose, start, devices, checkpoint_every)


def resume(folder, verbose=1, strategy=None, checkpoint_every=30.0):
    """Go on with a run that was killed, terminated or interrupted; returns the metrics, as `fit` would have.

    Raises:
        InputError: the folder is not that of a run, its run is finished, or its data or libraries have changed.
        udl_tf.training.stopping.TerminatedError: SIGTERM came again.
    """
    folder = pathlib.Path(folder)
    config, record = run_record.read(folder)
    finished = folder / "metrics.json"
    if finished.is_file() and not json.loads(finished.read_text())["interrupted"]:
        raise InputError(f"the run in {folder} is finished: expected one that was interrupted")
    record.setdefault("xla", False)  # runs of earlier versions
    hardware.set_up(record["deterministic"])
    devices = hardware.open_strategy(strategy)
    gathered = task_of(config).gather(config, record["data"], record["simulate_from"])
    start = pathlib.Path(record["init"]) if record["init"] else None
    run_record.check_same(record, gathered, folder)
    return _run(config, gathered, folder, record, verbose, start, devices, checkpoint_every)


def _run(config, gathered, folder, about, verbose, start, devices, every):
    """Train from the last checkpoint on, measure, and write everything a run folder holds."""
    chief, task = hardware.is_chief(devices), task_of(config)
    held = lock(folder) if chief else None
    if verbose:
        print(
            f"{about['preset']}: {gathered.description}\n{config.steps} steps of {config.batch} {task.unit} -> {folder}",
            flush=True,
        )
    boards = [task.board(folder / "logs")] if chief else []
    checkpoints = Checkpoints(folder / "checkpoints", every, chief)
    trained = trainer.train(config, gathered, verbose if chief else 0, start, checkpoints, boards, devices, about["xla"])
    if not chief:
        return None
    with atomic_path(folder / "network.weights.h5") as part:
        trained.model.network.save_weights(str(part))
    task.save(config, trained, folder / "model" / "1", about, verbose)
    measured = task.evaluate(config, gathered, trained, folder / "model" / "1")
    title = f"{about['preset']}: {gathered.description}, {trained.steps} steps, {trained.seconds:.0f} s"
    task.draw(folder / "report.png", config, trained, measured, title)
    for board in boards:
        board.close(measured.metrics)
    run_record.write_json(folder / "metrics.json", measured.metrics)  # last: it says that the run is finished
    if not trained.interrupted:
        checkpoints.remove()
    held.close()
    (folder / ".lock").unlink(missing_ok=True)
    return measured.metrics

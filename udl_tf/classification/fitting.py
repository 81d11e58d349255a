"""A run that learns the views of a stack: a model folder as every run has, with a SavedModel that knows the views."""

import dataclasses
import json
import pathlib
import sys
import time

import numpy as np

from pipelines.errors import InputError
from pipelines.files import opening
from pipelines.files.atomic import holds_anything
from pipelines.files.fingerprint import fingerprint
from udl_tf.classification.job import classed
from udl_tf.classification.request import ClassRequest
from udl_tf.classification.view_graph import LearnedViews
from udl_tf.classification.view_signatures import save
from udl_tf.particles.masks import framed
from udl_tf.training import run_record
from udl_tf.views.config import ViewsConfig

KIND = "views"


def fit_views(preset: str, config: ViewsConfig, data: str, output: str, progress=True, say=lambda text: None) -> dict:
    """Learn the views of a stack, refine them, and write a run folder.

    Args:
        preset: its name. data: the particles. output: run folder, made anew. progress: show a bar. say: is told how far it is.

    Returns:
        The metrics, as in metrics.json.

    Raises:
        InputError: anything a user can mend, before anything is computed where it can be told before.
    """
    folder = pathlib.Path(output)
    if folder.exists() and (not folder.is_dir() or holds_anything(folder)):
        raise InputError(f"{folder} exists: expected a new or empty folder for the run, or --resume {folder}")
    files = opening.open_source(data).paths()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the run folder {folder}: {error.strerror}") from None
    record = {
        "kind": KIND,
        "preset": preset,
        "config": dataclasses.asdict(config),
        "data": run_record.absolute(data),
        "data_fingerprint": fingerprint(files),
        "command": " ".join(["python -m udl_tf.fit", *sys.argv[1:]]),
        **run_record.code(),
    }
    run_record.write(folder, record)
    return _run(config, record, folder, False, progress, say)


def is_views(folder) -> bool:
    """Whether a folder is that of a run of this kind."""
    try:
        return json.loads((pathlib.Path(folder) / run_record.NAME).read_text()).get("kind") == KIND
    except (OSError, ValueError, AttributeError):
        return False


def resume_views(folder, progress=True, say=lambda text: None) -> dict:
    """Go on with a run that was killed; returns the metrics, as `fit_views` would have.

    Raises:
        InputError: its run is finished, or its data or libraries have changed.
    """
    folder = pathlib.Path(folder)
    record = json.loads((folder / run_record.NAME).read_text())
    if (folder / "metrics.json").is_file():
        raise InputError(f"the run in {folder} is finished: expected one that was interrupted")
    run_record.check_files(record, opening.open_source(record["data"]).paths(), folder)
    return _run(ViewsConfig(**record["config"]), record, folder, True, progress, say)


def _run(config, record, folder, resume, progress, say):
    """Learn, class, refine, save, and write everything a run folder holds."""
    began = time.perf_counter()
    known = opening.open_source(record["data"]).pixel_size is not None
    request = ClassRequest(
        path=record["data"],
        views=config.views,
        output=str(folder / "classified.star") if known else None,  # a STAR file needs a pixel size
        averages=str(folder / "averages.mrcs"),
        report=str(folder / "report.html"),
        seed=config.seed,
        refine=True,
        resume=resume and known and (folder / "classified.star.parts").exists(),
    )
    found = classed(request, record["command"], progress, say)
    if found.table.junk_class.all():
        raise InputError(f"{record['data']}: nothing but noise was found, expected particles")
    learned = _views(found)
    about = {**record, "views": {"box": learned.box, "count": len(learned.averages), "threshold": learned.model.threshold}}
    save(learned, folder / "model" / "1", about)
    metrics = _metrics(found, time.perf_counter() - began)
    run_record.write_json(folder / "metrics.json", metrics)  # last: it says that the run is finished
    return metrics


def _views(found):
    """`LearnedViews` of a refined `Classed`."""
    references = list(found.references.values())
    y, x = np.mgrid[: found.stack.box, : found.stack.box] - (found.stack.box - 1) / 2.0
    disc = np.clip((found.radius - np.hypot(x, y)) / 3.0 + 0.5, 0.0, 1.0).astype(np.float32)
    return LearnedViews(
        model=found.classer.model,
        averages=framed(found.table.averages, disc).numpy(),
        power=np.mean([one.power for one in references], 0),
        highest=max(one.highest for one in references),
        junk=found.table.junk_class,
    )


def _metrics(found, seconds):
    table = found.table
    accuracy = [table.accuracy(number) for number in range(len(table.averages))]
    return {
        "particles": len(table.label),
        "classes": len(table.averages),
        "of_junk": int(table.junk_class.sum()),
        "members": table.counts.tolist(),
        "resolution": [float(period) if np.isfinite(period) else None for period in table.resolution],
        "psi_sigma_deg": accuracy,
        "told_junk": int(table.junk.sum()),
        "seconds": seconds,
    }

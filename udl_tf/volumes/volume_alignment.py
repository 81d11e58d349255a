"""A volume file in; the aligned volume, transforms and a report out. What `udl_tf.sections align` does."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable

import numpy as np

from pipelines.files.atomic import atomic_path
from pipelines.files.lazy import LazyArray
from pipelines.files.transforms.registry import write_field_table, write_transforms
from pipelines.files.transforms.table import TransformTable
from pipelines.files.volumes import write_volume
from pipelines.geometry import frames
from udl_tf.chunks.executors import Here
from udl_tf.chunks.run import run
from udl_tf.chunks.store import ChunkStore
from udl_tf.volumes.adversarial import adversarial_poses, ratio_of
from udl_tf.volumes.alignment import align_sections
from udl_tf.volumes.moving import moved_sections, with_fields
from udl_tf.volumes.report import Planes, write_report
from udl_tf.volumes.section_readers import SectionReader


def align(
    array: LazyArray,
    output,
    transforms=None,
    keep_trend: float | None = None,
    aligner: Callable | None = None,
    tell: Callable[[int, int], None] = lambda done, of: None,
    report=None,
    elastic: float | None = None,
    objective: str = "correlation",
    store: ChunkStore | None = None,
    executor=None,
) -> dict:
    """Align the volume of an array and write it; volume, transforms and report appear together, once all of them are made.

    Args:
        array: from `jobs.check_outputs`. transforms: file for them, or None. keep_trend, aligner, tell: see `align_sections`.
        report: HTML file for a page about it, or None. elastic: pixels between nodes of the fields that unbend the sections
            after the rigid alignment; None: they are only turned and moved.
        objective: ``correlation``, or ``adversarial``: what correlation finds is moved on by `adversarial_poses`.
        store: where all that takes long, but for writing, is kept and found again; or None.
        executor: see `section_pairs.compare_sections`.

    Returns:
        Plain numbers: lists of "angle", "shift", "score", "correlation", "step" (pixels that a section was moved against the one
        before, root mean square over it) an entry a section, "failed" numbers from 1, "jitter" in degrees and pixels, "drift" in
        pixels kept, "objective". With fields "elastic": their "spacing" in pixels, "rms" displacement of each section, numbers
        "damped" from 1. Where the objective is adversarial "moved_on": root mean square pixels by which it moved sections.
    """
    size, count = array.shape[-2:], array.plane_count
    parts = 1 + (objective == "adversarial") + bool(elastic)

    def telling(part):
        return lambda done, of: tell(part * count + count * done // of, parts * count)

    found = first = align_sections(aligner, SectionReader(array), count, keep_trend, telling(0), store, executor)
    if objective == "adversarial":
        found = _moved_on(array, first, telling(1), store)
    names = tuple(str(number + 1) for number in range(count))
    about = found.angle, found.shift, found.angle_sigma, found.shift_sigma, found.score
    table = TransformTable(names, size, size, *about, {"objective": objective})
    fields = None
    if elastic:
        table, fields = with_fields(array, table, elastic, found.failed, telling(parts - 1), store, executor)
    told = _told(found, size, objective)
    if found is not first:
        moved = frames.error(found.angle, found.shift, (first.angle, first.shift), size)
        told["moved_on"] = float(np.sqrt(np.square(moved).mean()))
    if fields:
        told["elastic"] = {"spacing": elastic, "rms": fields.rms.tolist(), "damped": (fields.damped + 1).tolist()}
    before, after = (Planes(count, size) for _ in range(2))

    def sections(page):
        for number, section in enumerate(moved_sections(array, table)):
            if page:
                before.add(number, array.planes([number])[0])
                after.add(number, section)
                if number + 1 == count:
                    write_report(page, pathlib.Path(array.path).name, told, before, after)
            yield section

    with contextlib.ExitStack() as stack:  # what is made here gets its name when the volume has its own
        if transforms:
            part = stack.enter_context(atomic_path(transforms))
            (write_field_table if elastic else write_transforms)(table, part)
        page = stack.enter_context(atomic_path(report)) if report else None
        write_volume(output, sections(page), array)
    return told


def _told(found, size, objective):
    """What `align` returns of the poses."""
    change = frames.error(found.angle[1:], found.shift[1:], (found.angle[:-1], found.shift[:-1]), size)
    return {
        "angle": found.angle.tolist(),
        "shift": found.shift.tolist(),
        "score": found.score.tolist(),
        "correlation": found.correlation.tolist(),
        "step": [0.0, *change.tolist()],
        "failed": (found.failed + 1).tolist(),
        "jitter": {"degrees": float(found.jitter[0]), "pixels": float(found.jitter[1])},
        "drift": float(np.linalg.norm(found.drift - found.drift.mean(0), axis=1).max()),
        "objective": objective,
    }


def _moved_on(array, poses, tell, store):
    """What `adversarial_poses` makes of poses, all of them one chunk."""

    def move(*_):
        found = adversarial_poses(SectionReader(array), poses, array.shape[-2:], ratio_of(array), tell=tell)
        return {"angle": found.angle, "shift": found.shift}

    (moved,) = run("objective", move, None, [(0, array.plane_count)], Here(), store)
    return dataclasses.replace(poses, **moved)

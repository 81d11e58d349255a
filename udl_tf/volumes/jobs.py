"""Files in, files out: a volume aligned, filled, made finer. What `udl_tf.sections` does, but for `moving.apply`."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable

import numpy as np

from pipelines.errors import InputError
from pipelines.files.atomic import atomic_path
from pipelines.files.lazy import LazyArray
from pipelines.files.series_writing import TIFFS
from pipelines.files.transforms.registry import check_fields, format_of, write_field_table, write_transforms
from pipelines.files.transforms.table import TransformTable
from pipelines.files.volumes import check_volume, finer, open_volume, planes_writer, write_volume
from pipelines.geometry import frames
from udl_tf.chunks.executors import Here
from udl_tf.chunks.run import run
from udl_tf.chunks.store import ChunkStore
from udl_tf.registration.warping import as_stored
from udl_tf.volumes.adversarial import adversarial_poses, side_of
from udl_tf.volumes.alignment import align_sections
from udl_tf.volumes.between import all_between
from udl_tf.volumes.faults import find_faults
from udl_tf.volumes.filling import Filling
from udl_tf.volumes.finer_network import open_finer
from udl_tf.volumes.moving import check_bendable, moved_sections, with_fields
from udl_tf.volumes.network_filling import NetworkFilling
from udl_tf.volumes.report import Planes, check_report, write_report
from udl_tf.volumes.section_network import open_network
from udl_tf.volumes.slices import Scale


def check_outputs(
    volume, output, transforms=None, uncertainty=None, overwrite: bool = False, report=None, elastic=None, objective=None
) -> LazyArray:
    """Tell before the work what could not be written after it; returns the opened volume.

    Raises:
        InputError: no volume, names that cannot be written, files that are there.
    """
    array = open_volume(volume)
    check_volume(output, array)
    if transforms:
        check_fields(transforms) if elastic else format_of(transforms)
    if elastic:
        check_bendable(array, elastic)
    if objective == "adversarial":
        side_of(array.plane_count, array.shape[-2:], _ratio(array))
    if uncertainty and pathlib.Path(uncertainty).suffix.lower() not in TIFFS:
        raise InputError(f"cannot write {uncertainty}: expected {' or '.join(TIFFS)}")
    check_report(report)
    paths = list(map(pathlib.Path, filter(None, (output, transforms, uncertainty, report))))
    if len({path.resolve() for path in paths}) < len(paths):
        raise InputError("two outputs have one name")
    for path in paths:
        if path.exists() and not overwrite:
            raise InputError(f"{path} exists: choose another name, or say --overwrite")
        if not path.parent.is_dir():
            raise InputError(f"cannot write {path}: the folder {path.parent} does not exist")
    return array


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
) -> dict:
    """Align the volume of an array and write it; volume and transforms appear together.

    Args:
        array: from `check_outputs`. transforms: file for them, or None. keep_trend, aligner, tell: see `align_sections`.
        report: HTML file for a page about it, or None. elastic: pixels between nodes of the fields that unbend the sections
            after the rigid alignment; None: they are only turned and moved.
        objective: ``correlation``, or ``adversarial``: what correlation finds is moved on by `adversarial_poses`.
        store: where all that takes long, but for writing, is kept and found again; or None.

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

    found = first = align_sections(aligner, _reader(array), count, keep_trend, telling(0), store)
    if objective == "adversarial":
        found = _moved_on(array, first, telling(1), store)
    names = tuple(str(number + 1) for number in range(count))
    about = found.angle, found.shift, found.angle_sigma, found.shift_sigma, found.score
    table = TransformTable(names, size, size, *about, {"objective": objective})
    fields = None
    if elastic:
        table, fields = with_fields(array, table, elastic, found.failed, telling(parts - 1), store)
    before, after = (Planes(count, size) for _ in range(2))

    def sections():
        for number, section in enumerate(moved_sections(array, table)):
            if report:
                before.add(number, array.planes([number])[0])
                after.add(number, section)
            yield section

    with contextlib.ExitStack() as stack:
        if transforms:  # is named when the volume is there
            part = stack.enter_context(atomic_path(transforms))
            (write_field_table if elastic else write_transforms)(table, part)
        write_volume(output, sections(), array)
    change = frames.error(found.angle[1:], found.shift[1:], (found.angle[:-1], found.shift[:-1]), size)
    told = {
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
    if found is not first:
        moved = frames.error(found.angle, found.shift, (first.angle, first.shift), size)
        told["moved_on"] = float(np.sqrt(np.square(moved).mean()))
    if fields:
        told["elastic"] = {"spacing": elastic, "rms": fields.rms.tolist(), "damped": (fields.damped + 1).tolist()}
    if report:
        write_report(report, pathlib.Path(array.path).name, told, before, after)
    return told


def _moved_on(array, poses, tell, store):
    """What `adversarial_poses` makes of poses, all of them one chunk."""

    def move(*_):
        found = adversarial_poses(_reader(array), poses, array.shape[-2:], _ratio(array), tell=tell)
        return {"angle": found.angle, "shift": found.shift}

    (moved,) = run("objective", move, None, [(0, array.plane_count)], Here(), store)
    return dataclasses.replace(poses, **moved)


def interpolate(array: LazyArray, output, wanted: list[int] | None = None, uncertainty=None, method="flow", model=None) -> dict:
    """Make sections of an array anew from those around them, and write the whole volume.

    Args:
        array: from `check_outputs`. wanted: numbers from 1; None: those that something is wrong with.
        uncertainty: TIFF file for the standard error of each pixel of the sections that were made, one after the other, or None.
        method: see `Filling`. model: run folder or SavedModel of a network that makes sections between good neighbours, or None.

    Returns:
        "filled": {number from 1: {"why", "from": [numbers], "sigma": mean standard error}}.

    Raises:
        InputError: numbers that are none of the volume's.
    """
    count = array.plane_count
    if wanted is None:
        why = find_faults(_reader(array), count)
    else:
        wrong = [number for number in wanted if not 1 <= number <= count]
        if wrong:
            raise InputError(f"--sections {wrong[0]}: expected numbers from 1 to {count}")
        why = {number - 1: "as told" for number in sorted(set(wanted))}
    filling, made = Filling(_reader(array), count, list(why), method), {}
    if model:
        filling = NetworkFilling(
            open_network(model, Scale.of_volume(_reader(array), count, why)), _reader(array), count, list(why), method
        )

    def sections():
        for number in range(count):
            if number not in why:
                yield array.planes([number])[0]
                continue
            one = filling.make(number)
            add_error(one.sigma)
            sources = [k + 1 for k in (one.before, one.after) if k is not None]
            made[number + 1] = {"why": why[number], "from": sources, "sigma": float(one.sigma.mean())}
            yield as_stored(one.section, array.dtype)

    text = f"sections made from their neighbours: {', '.join(str(k + 1) for k in why)}" if why else ""
    errors = contextlib.nullcontext(lambda sigma: None)
    if uncertainty and why:
        errors = planes_writer(uncertainty, (len(why), *array.shape[-2:]), f"standard errors of the {text}")
    with errors as add_error:
        write_volume(output, sections(), array, text)
    return {"filled": made}


def upsample(array: LazyArray, output, factor: int, model=None) -> int:
    """Put sections between those of an array, so that there are `factor` steps in place of one, and write all of them.

    Args:
        model: run folder or SavedModel of a network that makes them, or None: along the flow.

    Returns:
        The number of sections written. Those of the array are among them as they were.
    """

    def sections():
        yield array.planes([0])[0]
        for number in range(1, array.plane_count):
            for _ in range(factor - 1):
                yield as_stored(next(between), array.dtype)
            yield array.planes([number])[0]

    if model:
        between = open_finer(model, Scale.of_volume(_reader(array), array.plane_count), factor).between(
            _reader(array), array.plane_count
        )
    else:
        between = _along_flow(array, factor)
    like = finer(array, factor)
    text = f"each section of {array.plane_count} is followed by {factor - 1} made from it and the next one"
    write_volume(output, sections(), like, text)
    return like.plane_count


def _along_flow(array, factor):
    """The sections float32 (height, width) between those of an array."""
    before = array.planes([0])[0]
    for number in range(1, array.plane_count):
        after = array.planes([number])[0]
        yield from all_between(before, after, factor)
        before = after


def _ratio(array):
    """Pixels from a section to the next; 1 where the file does not say."""
    return array.spacing["Z"] / array.spacing["X"] if {"Z", "X"} <= set(array.spacing) else 1.0


def _reader(array):
    return lambda number: array.planes([number])[0]

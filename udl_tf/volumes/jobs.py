"""Files in, files out: a volume filled, made finer; and what is checked of outputs before the work."""

import contextlib
import pathlib
from collections.abc import Callable

import numpy as np

from pipelines.errors import InputError
from pipelines.files.lazy import LazyArray
from pipelines.files.series_writing import TIFFS
from pipelines.files.transforms.registry import check_fields, format_of
from pipelines.files.volumes import check_volume, finer, open_volume, planes_writer, write_volume
from udl_tf.registration.warping import as_stored
from udl_tf.volumes.adversarial import ratio_of, side_of
from udl_tf.volumes.between import all_between
from udl_tf.volumes.faults import find_faults
from udl_tf.volumes.filling import Filling
from udl_tf.volumes.finer_network import open_finer, open_remaking
from udl_tf.volumes.moving import check_bendable
from udl_tf.volumes.network_filling import NetworkFilling
from udl_tf.volumes.report import check_report
from udl_tf.volumes.section_network import open_network
from udl_tf.volumes.section_readers import SectionReader
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
        side_of(array.plane_count, array.shape[-2:], ratio_of(array))
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
        why = find_faults(SectionReader(array), count)
    else:
        wrong = [number for number in wanted if not 1 <= number <= count]
        if wrong:
            raise InputError(f"--sections {wrong[0]}: expected numbers from 1 to {count}")
        why = {number - 1: "as told" for number in sorted(set(wanted))}
    filling, made = Filling(SectionReader(array), count, list(why), method), {}
    if model:
        filling = NetworkFilling(
            open_network(model, Scale.of_volume(SectionReader(array), count, why)), SectionReader(array), count, list(why), method
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
        between = open_finer(model, Scale.of_volume(SectionReader(array), array.plane_count), factor).between(
            SectionReader(array), array.plane_count
        )
    else:
        between = _along_flow(array, factor)
    like = finer(array, factor)
    text = f"each section of {array.plane_count} is followed by {factor - 1} made from it and the next one"
    write_volume(output, sections(), like, text)
    return like.plane_count


def remake(array: LazyArray, output, model, tell: Callable[[int, int], None] = lambda done, of: None) -> dict:
    """Make all sections of an array anew by a network, and write them in their form. Pixels are made, none is moved.

    Args:
        model: run folder or SavedModel of a network that makes reslices look like sections.
        tell: called with the sections done and their count.

    Returns:
        "count" of sections, "changed": mean absolute difference of the pixels written to those read, in standard deviations.
    """
    count, away = array.plane_count, []
    scale = Scale.of_volume(SectionReader(array), count)
    network = open_remaking(model, scale)

    def sections():
        for number, plane in enumerate(network.planes(SectionReader(array), count)):
            made = as_stored(plane, array.dtype)
            away.append(float(np.abs(np.float32(made) - np.float32(array.planes([number])[0])).mean()) / scale.spread)
            tell(number + 1, count)
            yield made

    write_volume(output, sections(), array, "all sections were made anew by a network: pixels are not those that were recorded")
    return {"count": count, "changed": float(np.mean(away))}


def _along_flow(array, factor):
    """The sections float32 (height, width) between those of an array."""
    before = array.planes([0])[0]
    for number in range(1, array.plane_count):
        after = array.planes([number])[0]
        yield from all_between(before, after, factor)
        before = after

"""From a stack to classes: views are learned from a sample, or a model knows them; everybody is classed; outputs appear whole."""

import contextlib
import dataclasses
import pathlib
import time

import numpy as np
from tqdm import tqdm

from pipelines.files import opening
from pipelines.files.atomic import atomic_path
from udl_tf.alignment.models import find
from udl_tf.chunks.executors import open_executor
from udl_tf.chunks.run import ranges, run
from udl_tf.chunks.store import kept
from udl_tf.classification import everybody, outputs
from udl_tf.classification.class_report import write_report
from udl_tf.classification.class_sums import averages_of
from udl_tf.classification.class_table import ClassTable
from udl_tf.classification.classers import Learned, Trained
from udl_tf.classification.particle_images import Stack
from udl_tf.classification.refined import refined
from udl_tf.classification.request import ENDINGS, ClassRequest, checked, fingerprint
from udl_tf.classification.sample import learned
from udl_tf.particles import duplicates
from udl_tf.versions import versions

SUMS = "numerator", "denominator", "confusion"


@dataclasses.dataclass(frozen=True, eq=False)
class Classed:
    """What was found of a stack, and by what.

    Attributes:
        table: `ClassTable`. stack: `Stack`. radius: of the mask, pixels.
        classer: `Learned` or `Trained`, its classes in the order of the table.
        references: class -> `udl_tf.particles.references.Reference`; empty where classes were not refined.
    """

    table: ClassTable
    stack: Stack
    radius: float
    classer: Learned | Trained
    references: dict


def classify_stack(request: ClassRequest, command="", progress=True, say=lambda text: None) -> ClassTable:
    """Class a stack; see `classed`."""
    return classed(request, command, progress, say).table


def classed(request: ClassRequest, command="", progress=True, say=lambda text: None) -> Classed:
    """Class a stack, and write what is asked for.

    Args:
        request: `ClassRequest`. command: the command line, for the report. progress: show a bar. say: is told how far it is.

    Returns:
        `Classed`; with a model its classes are in the order of the model's views, else sorted by size.

    Raises:
        InputError: anything a user can mend, before anything is computed where it can be told before.
    """
    began = time.perf_counter()
    source = opening.open_source(request.path, request.pixel_size)
    stack, radius, reach = checked(request, source)
    wanted = {name: getattr(request, name) for name in ENDINGS if getattr(request, name)}
    with contextlib.ExitStack() as open_things:
        store = None
        if request.output:
            store = open_things.enter_context(kept(f"{request.output}.parts", fingerprint(request, stack), request.resume))
        place = {name: open_things.enter_context(atomic_path(path)) for name, path in wanted.items()}
        first = duplicates.first_of_each(source)
        half, told = duplicates.halves(first), duplicates.sentence(first)
        if told:
            say(told)
        if request.model:
            model = request.model if request.server else str(pathlib.Path(find(request.model)).resolve())
            classer = Trained(model, request.server)
        else:
            classer = learned(request, stack, len(source), radius, reach, say)
            say(f"views learned in {time.perf_counter() - began:.1f} s")
        payload, radius = everybody.Payload(stack, half.astype(np.int8), classer), radius * stack.scale
        with open_executor(request.workers, request.scheduler) as executor:
            table, references = _everybody(payload, len(source), executor, store, radius, source.pixel_size, progress), {}
            if isinstance(classer, Learned):
                order = table.order()
                table, classer = table.ordered(order), classer.ordered(order)
            if request.refine:
                table, references = refined(table, stack, half, radius, executor, store, progress)
        outputs.write(request, place, source, table)
        if request.report:
            write_report(place["report"], request, table, source, command, time.perf_counter() - began, versions())
    return Classed(table, stack, radius, classer, references)


def _everybody(payload, count, executor, store, radius, pixel_size, progress):
    """The `ClassTable` of all particles."""
    found, sums = [], None
    with tqdm(total=count, unit="particle", desc="classes", disable=None if progress else True, leave=False) as bar:
        chunks = ranges(count, everybody.SIZE)
        for part in run("classes", everybody.class_chunk, payload, chunks, executor, store, bar):
            added = [part.pop(name) for name in SUMS]
            sums = added if sums is None else [one + more for one, more in zip(sums, added, strict=True)]
            part.pop("chunk_range", None)
            found.append(part)
    columns = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
    averages, resolution, curves = averages_of(*sums[:2], outputs.mask_of(payload.stack.box, radius), pixel_size)
    poor, known_junk, threshold = columns.pop("poor"), payload.classer.junk, payload.classer.threshold
    junk, junk_class = _told(poor, columns["label"], columns["usable"], len(averages), known_junk)
    return ClassTable(
        **columns,
        junk=junk,
        averages=averages,
        resolution=resolution,
        curves=curves,
        junk_class=junk_class,
        threshold=threshold,
        confusion=sums[2] / np.maximum(sums[2].sum(1, keepdims=True), 1e-12),
    )


def _told(poor, label, usable, count, known):
    """Which particles (n,), classes (k,) are junk: bool. A class is if most of it is no better than noise, or if known so."""
    poor = usable & poor
    members = np.bincount(label[usable], minlength=count)
    junk_class = known | (np.bincount(label[poor], minlength=count) * 2 > members) | (members == 0)
    return ~usable | poor | junk_class[label], junk_class

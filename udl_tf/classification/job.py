"""From a stack to classes: a sample is learned from, everybody is classed chunk by chunk, the outputs appear whole."""

import contextlib
import dataclasses
import hashlib
import time

import numpy as np
from tqdm import tqdm

from pipelines.errors import InputError
from pipelines.files import opening
from pipelines.files.atomic import atomic_path
from udl_tf.chunks.executors import open_executor
from udl_tf.chunks.run import ranges, run
from udl_tf.chunks.store import ChunkStore
from udl_tf.classification import everybody, outputs
from udl_tf.classification.class_report import write_report
from udl_tf.classification.class_sums import averages_of
from udl_tf.classification.class_table import ClassTable
from udl_tf.classification.particle_images import BOX, Stack, images_of, smaller
from udl_tf.particles.lengths import length
from udl_tf.particles.outputs import poses_table
from udl_tf.particles.reader import ctf_of
from udl_tf.versions import versions
from udl_tf.views.learning import AUTO, Settings
from udl_tf.views.view_model import learn_views

RADIUS = 0.47  # of the window, share of the box
REACH = 6.0 / 64  # largest shift looked for, share of the box
SAMPLE, SAMPLE_PER_VIEW = 3000, 200  # particles that views are learned from, at most
FEWEST = 50  # particles; and for each view asked for: FEWEST_PER_VIEW
FEWEST_PER_VIEW = 10
ENDINGS = {"output": (".star",), "averages": (".mrcs",), "report": (".html",)}


@dataclasses.dataclass(frozen=True)
class ClassRequest:
    """What to do, as a user says it.

    Attributes:
        path: the stack. views: how many, None: as many as the particles need. output: .star. averages: .mrcs. report: .html.
        select: "good", or numbers of classes such as "1,3", or None. mask_diameter, max_shift: text or number, see `length`.
        pixel_size: Angstrom, in place of what the files say. ctf: correct for it. seed. workers, scheduler, resume: as `align`.
    """

    path: str
    views: int | None = None
    output: str | None = None
    averages: str | None = None
    report: str | None = None
    select: str | None = None
    mask_diameter: str | None = None
    max_shift: str | None = None
    pixel_size: float | None = None
    ctf: bool = True
    seed: int = 0
    workers: int = 1
    scheduler: str | None = None
    resume: bool = False


def classify_stack(request, command="", progress=True, say=lambda text: None):
    """Class a stack.

    Args:
        request: `ClassRequest`. command: the command line, for the report. progress: show a bar. say: is told how far it is.

    Returns:
        `ClassTable`.

    Raises:
        InputError: anything a user can mend, before anything is computed where it can be told before.
    """
    began = time.perf_counter()
    source = opening.open_source(request.path, request.pixel_size)
    stack, radius, reach = _checked(request, source)
    wanted = {name: getattr(request, name) for name in ENDINGS if getattr(request, name)}
    with contextlib.ExitStack() as open_things:
        place = {name: open_things.enter_context(atomic_path(path)) for name, path in wanted.items()}
        store = None
        if request.output:
            store = ChunkStore(f"{request.output}.parts", _fingerprint(request, stack), request.resume)
        payload = _learned(request, stack, len(source), radius, reach, say)
        say(f"views learned in {time.perf_counter() - began:.1f} s")
        with open_executor(request.workers, request.scheduler) as executor:
            table = _everybody(payload, len(source), executor, store, radius * stack.scale, source.pixel_size, progress)
        table = table.by_size()
        outputs.write(request, place, source, table)
        if request.report:
            write_report(place["report"], request, table, source, command, time.perf_counter() - began, versions())
        if store is not None:
            store.remove()
    return table


def _checked(request, source):
    """`Stack`, radius of the window and largest shift, both in pixels of the small images."""
    for name, endings in ENDINGS.items():
        path = getattr(request, name)
        if path and not str(path).lower().endswith(endings):
            raise InputError(f"--{name} {path}: expected a name that ends with {' or '.join(endings)}")
    if request.views is not None and request.views < 1:
        raise InputError(f"--views {request.views}: expected a number of at least 1, or auto")
    least = max(FEWEST, FEWEST_PER_VIEW * (request.views or 1))
    if len(source) < least:
        raise InputError(
            f"{source.path} holds {len(source)} images: expected at least {least} for {request.views or 'auto'} views"
        )
    if request.select and not request.output:
        raise InputError(f"--select {request.select}: expected --output, beside which the selection is written")
    if request.output:
        poses_table(source, None, request.output)  # raises where a STAR file cannot name the images
    outputs.chosen(request.select, None)
    box = source.shape[0]
    if box < 24:
        raise InputError(f"{source.path} has images of {box} pixels: expected at least 24")
    states = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in source.paths()]
    stamp = hashlib.sha256(repr(states).encode()).hexdigest()[:16]
    ctf = request.ctf and ctf_of(source) is not None
    stack = Stack(str(source.path.resolve()), stamp, box, min(box, BOX), request.pixel_size, ctf)
    diameter = length(request.mask_diameter, source.pixel_size, "mask-diameter")
    radius = (RADIUS * box if diameter is None else diameter / 2) / stack.scale
    reach = length(request.max_shift, source.pixel_size, "max-shift")
    return stack, radius, (REACH * box if reach is None else reach) / stack.scale


def _fingerprint(request, stack):
    """All that the classes depend on, for `ChunkStore`."""
    names = ("views", "mask_diameter", "max_shift", "pixel_size", "seed")
    kept = {name: version for name, version in versions().items() if name in ("udl_tf", "tensorflow", "numpy")}
    return {"stack": dataclasses.asdict(stack), **{name: getattr(request, name) for name in names}, "versions": kept}


def _learned(request, stack, count, radius, reach, say):
    """`everybody.Payload`: views learned from a sample."""
    rng = np.random.default_rng([request.seed, 0])
    most = max(SAMPLE, SAMPLE_PER_VIEW * (request.views or AUTO))
    rows = np.sort(rng.permutation(count)[:most])
    reader = images_of(stack)
    images, good = [], []
    for start, stop in ranges(len(rows), everybody.SIZE):
        part, usable = reader.read(rows[start:stop])
        images.append(smaller(part, stack.small))
        good.append(usable)
    good = np.concatenate(good)
    if good.sum() < FEWEST:
        raise InputError(f"{stack.path}: {good.sum()} usable images of {len(rows)} looked at, expected at least {FEWEST}")
    rows, images = rows[good], np.concatenate(images)[good]
    ctf = reader.ctf(rows)
    settings = Settings(views=request.views, reach=reach, seed=request.seed)
    model, own = learn_views(images, None if ctf is None else ctf[:, 1:], settings, radius, say)
    return everybody.Payload(stack, model, rows, own)


def _everybody(payload, count, executor, store, radius, pixel_size, progress):
    """The `ClassTable` of all particles."""
    found, sums = [], None
    with tqdm(total=count, unit="particle", desc="classes", disable=None if progress else True, leave=False) as bar:
        chunks = ranges(count, everybody.SIZE)
        for part in run("classes", everybody.class_chunk, payload, chunks, executor, store, bar):
            added = part.pop("numerator"), part.pop("denominator")
            sums = added if sums is None else (sums[0] + added[0], sums[1] + added[1])
            part.pop("chunk_range", None)
            found.append(part)
    columns = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
    averages, resolution, curves = averages_of(*sums, outputs.mask_of(payload.stack.box, radius), pixel_size)
    junk, junk_class = _told(payload.model, columns)
    return ClassTable(
        **columns,
        junk=junk,
        averages=averages,
        resolution=resolution,
        curves=curves,
        junk_class=junk_class,
        threshold=payload.model.threshold,
    )


def _told(model, columns):
    """Which particles (n,) and classes (k,) are junk: bool. A class of which most are no better than noise is."""
    label, usable = columns["label"], columns["usable"]
    poor = usable & (columns["evidence"] < model.threshold)
    members = np.bincount(label[usable], minlength=len(model.junk))
    junk_class = model.junk | (np.bincount(label[poor], minlength=len(model.junk)) * 2 > members) | (members == 0)
    return ~usable | poor | junk_class[label], junk_class

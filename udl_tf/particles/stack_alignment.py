"""One job: a stack file in, a STAR file, aligned images, an average and a report out. What `udl_tf.align` does with a stack."""

import collections
import contextlib
import dataclasses
import hashlib
import logging
import os
import pathlib
import re
import time

import numpy as np

from pipelines.errors import InputError
from pipelines.files import opening, star
from pipelines.files.atomic import atomic_path
from pipelines.files.mrc import mrc_writer, write_mrc
from udl_tf.alignment import models
from udl_tf.alignment import outputs as pair_outputs
from udl_tf.alignment.aligner import LARGEST, SMALLEST
from udl_tf.alignment.result import Result
from udl_tf.chunks.executors import open_executor
from udl_tf.chunks.store import Ledger
from udl_tf.particles import outputs, passes
from udl_tf.particles.chunk_context import Setting, ctf_of, mask_of
from udl_tf.particles.measures import crossing
from udl_tf.particles.report import write_report
from udl_tf.particles.report_content import Story
from udl_tf.serving.open_aligner import open_aligner
from udl_tf.versions import versions

LOG = logging.getLogger(__name__)
Outcome = collections.namedtuple("Outcome", "result stack ctf resolution message")
AVERAGE = "average"
MASK = 0.45  # default radius of the mask, share of the box
ENDINGS = {"output": (".star",), "aligned": (".mrcs",), "average": (".mrc",), "report": (".html",)}


@dataclasses.dataclass(frozen=True)
class Job:
    """What to do with a stack.

    Attributes:
        path: the stack. reference: "average", the number of an image from 1, or an image (box, box) with `reference_name`.
        model: name or folder. output: .star. aligned: .mrcs. average: .mrc. report: .html. each None if not wanted.
        max_shift, mask_diameter: text or number, see `length`. pixel_size: Angstrom, where the files do not tell.
        ctf: correct for the CTF where the STAR file has one. fast: see `Aligner.align`.
        server, rest: a server that has the model, see `opening.open_aligner`. workers, scheduler: see `open_executor`.
        resume: go on from the finished chunks of a killed run.
    """

    path: str
    reference: object = AVERAGE
    reference_name: str = AVERAGE
    model: str = "cryo"
    output: str | None = None
    aligned: str | None = None
    average: str | None = None
    report: str | None = None
    max_shift: object = None
    mask_diameter: object = None
    pixel_size: float | None = None
    ctf: bool = True
    fast: bool = False
    server: str | None = None
    rest: bool = False
    workers: int = 1
    scheduler: str | None = None
    resume: bool = False


def align_stack(job, command="", progress=True):
    """Align a stack; the outputs appear when they are whole.

    Returns:
        `Outcome`: the `Result` of all images; the `passes.Stack`; a sentence on the CTF; where the ring correlation of the
        half-sets falls below 0.143, see `measures.crossing`; a message about images that cannot be used, or None.

    Raises:
        InputError: anything a user can mend, before anything is computed where it can be told before.
    """
    began = time.perf_counter()
    source = opening.open_source(job.path, job.pixel_size)
    setting, ctf = _setting(job, source)
    for name, endings in ENDINGS.items():
        path = getattr(job, name)
        if path and pathlib.Path(path).suffix.lower() not in endings:
            raise InputError(f"--{name} {path}: expected a name that ends with {' or '.join(endings)}")
    if job.output:
        outputs.poses_table(source, None, job.output)  # tell before, not after
    if job.resume and not job.output:
        raise InputError("received --resume without --output: the finished chunks are kept beside the STAR file")
    aligner = open_aligner(setting.model, setting.server, setting.rest)
    with contextlib.ExitStack() as open_things:
        # The places of all outputs are claimed first: nothing is worse than an error after hours.
        place = {name: open_things.enter_context(atomic_path(getattr(job, name))) for name in ENDINGS if getattr(job, name)}
        ledger = Ledger(f"{job.output}.parts", _fingerprint(job, setting), job.resume) if job.output else None
        try:
            with open_executor(job.workers, job.scheduler) as executor:
                work = passes.Stages(setting, executor, ledger, progress)
                if job.reference_name == AVERAGE:
                    stack = work.to_average(len(source), aligner)
                else:
                    image = source.read([int(job.reference) - 1])[0] if np.ndim(job.reference) == 0 else job.reference
                    # Photographs are refined over their whole overlap by the model itself, which a disc cannot better.
                    particles = aligner.config.get("config", {}).get("support") != "frame"
                    stack = work.to_reference(image, len(source), refine=particles and not job.fast)
        except KeyboardInterrupt:
            if ledger is not None:
                LOG.warning("finished chunks are kept in %s: the same command with --resume goes on from them", ledger.folder)
            raise
        message = outputs.left_out(source, stack)
        resolution = crossing(stack.picture.frc, 0.143, setting.box, source.pixel_size)
        unit = "A" if source.pixel_size else "pixels"
        if resolution < np.inf:
            stack.notes.append(f"The averages of both halves agree (Fourier ring correlation 0.143) to {resolution:.1f} {unit}.")
        gallery = outputs.Gallery(stack, mask_of(setting)) if job.report else None
        if gallery or job.aligned:
            # Written under a name an MRC file may have, beside the place that is claimed for it.
            writer = mrc_writer(f"{place['aligned']}.mrcs", source.pixel_size) if job.aligned else contextlib.nullcontext()
            with writer as append:
                outputs.turn_images(source, stack, append, gallery, progress)
            if job.aligned:
                os.replace(f"{place['aligned']}.mrcs", place["aligned"])
        if job.average:
            write_mrc(f"{place['average']}.mrc", stack.picture.average, source.pixel_size)
            os.replace(f"{place['average']}.mrc", place["average"])
        if job.output:
            star.write_star(outputs.poses_table(source, stack, job.output), place["output"])
        if job.report:
            story = _story(job, setting, source, stack, gallery, ctf, command, time.perf_counter() - began)
            write_report(story, place["report"])
    if ledger is not None:
        ledger.remove()
    return Outcome(_result(stack), stack, ctf, resolution, message)


def length(value, pixel_size, name):
    """Pixels of a length: a number of pixels, or text that ends with A for Angstrom. None stays None.

    Raises:
        InputError: not a positive length, or Angstrom without a pixel size.
    """
    if value is None:
        return None
    match = re.fullmatch(r"\s*([0-9.]+(?:[eE][-+]?[0-9]+)?)\s*(A|px)?\s*", str(value))
    try:
        number = float(match.group(1)) if match else -1.0
    except ValueError:
        number = -1.0
    if not 0.0 <= number < np.inf:
        raise InputError(f"--{name} {value}: expected pixels such as 12 or 12px, or Angstrom such as 25A")
    if match.group(2) != "A":
        return number
    if pixel_size is None:
        raise InputError(f"--{name} {value}: pixel size unknown, expected pixels or --pixel-size A")
    return number / pixel_size


def _setting(job, source):
    """(`Setting`, one sentence on the CTF)."""
    box = source.shape[0]
    if not SMALLEST <= box <= LARGEST:
        raise InputError(f"{job.path}: images of {box} pixels, expected {SMALLEST} to {LARGEST}")
    max_shift = length(job.max_shift, source.pixel_size, "max-shift")
    if max_shift is not None and max_shift > box / 4:
        raise InputError(
            f"--max-shift {job.max_shift}: {max_shift:g} pixels, expected at most {box / 4:g}, a quarter of the image"
        )
    diameter = length(job.mask_diameter, source.pixel_size, "mask-diameter")
    if diameter is not None and not 8.0 <= diameter <= box:
        raise InputError(f"--mask-diameter {job.mask_diameter}: {diameter:g} pixels, expected 8 to {box}, the side of the images")
    known = ctf_of(source) if job.ctf else None
    if known is not None:
        ctf = "Corrected for the CTF of each particle: signs for the network, the whole CTF in averages and comparisons."
    elif not job.ctf:
        ctf = "No CTF correction was asked for."
    else:
        ctf = "No CTF correction: the input has no defocus columns."
    setting = Setting(
        str(pathlib.Path(job.path).resolve()),
        job.model if job.server else str(pathlib.Path(models.find(job.model)).resolve()),
        _stamp(source),
        box,
        diameter / 2.0 if diameter is not None else MASK * box,
        job.pixel_size,
        diameter is not None,
        max_shift,
        job.fast,
        known is not None,
        job.server,
        job.rest,
    )
    return setting, ctf


def _fingerprint(job, setting):
    """All that the poses depend on, for `Ledger`."""
    image = np.ndim(job.reference) > 0
    reference = hashlib.sha256(np.ascontiguousarray(job.reference)).hexdigest() if image else job.reference
    files = [] if job.server else sorted(path for path in pathlib.Path(setting.model).rglob("*") if path.is_file())
    return {
        "setting": dataclasses.asdict(setting),
        "reference": reference,
        "model": hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest(),
        "versions": {name: version for name, version in versions().items() if name in ("udl_tf", "tensorflow", "numpy")},
    }


def _stamp(source):
    """Tells one state of a source's files from another: a hash of their names, sizes and times of change."""
    states = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in source.paths()]
    return hashlib.sha256(repr(states).encode()).hexdigest()[:16]


def _story(job, setting, source, stack, gallery, ctf, command, seconds):
    best, worst = gallery.best_and_worst()
    given = job.reference_name != AVERAGE
    notes = [*stack.notes]
    if given:
        notes.append("Both half-sets were aligned to the same reference: their Fourier ring correlation is too high.")
    return Story(
        title=f"{pathlib.Path(job.path).name}, aligned",
        command=command,
        versions=versions(),
        seconds=seconds,
        source=str(job.path),
        model=str(job.model),
        box=setting.box,
        pixel_size=source.pixel_size,
        ctf=ctf,
        reference=job.reference_name if given else "average of the particles",
        averages=stack.averages,
        halves=stack.picture.halves,
        mask_radius=setting.mask_radius,
        angle=stack.angle,
        shift=stack.shift,
        score=stack.score,
        sigma=stack.sigma,
        weight=stack.weight * stack.usable,
        usable=stack.usable,
        similarity=gallery.similarity,
        best=best,
        worst=worst,
        changes=stack.changes,
        rates=stack.rates,
        notes=notes,
    )


def _result(stack):
    """`Result` of a stack: what `udl_tf.alignment.outputs` says is missing where an image cannot be used."""
    return Result(**pair_outputs.typed(pair_outputs.filled(vars(stack), stack.usable)))

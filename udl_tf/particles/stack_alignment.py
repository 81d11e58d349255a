"""A stack file in; a STAR file, aligned images, an average and a report out. What `udl_tf.align` does with a stack."""

import contextlib
import dataclasses
import os
import pathlib
import time

import numpy as np

from pipelines.files import opening, star
from pipelines.files.atomic import atomic_path
from pipelines.files.mrc import mrc_writer, write_mrc
from pipelines.files.star_rows import save_rows
from udl_tf.chunks.executors import open_executor
from udl_tf.chunks.store import kept
from udl_tf.particles import duplicates, one_view, outputs, stages
from udl_tf.particles.gallery import Gallery
from udl_tf.particles.masks import mask_of
from udl_tf.particles.passes import Passes
from udl_tf.particles.report import write_report
from udl_tf.particles.report_content import ReportContent
from udl_tf.particles.request import AVERAGE, ENDINGS, check, config_of, fingerprint
from udl_tf.particles.table import ParticleTable
from udl_tf.serving.open_aligner import open_aligner
from udl_tf.versions import versions

ROWS = "rows.npz"  # beside the finished chunks: what workers need of a STAR file


def align_stack(request, command="", progress=True):
    """Align a stack; the outputs appear when they are whole.

    Args:
        request: `StackRequest`. command: the command line, for the report. progress: show bars on stderr.

    Returns:
        `StackAlignment`; a sentence on the CTF; a message about images that cannot be used, or None.

    Raises:
        InputError: anything a user can mend, before anything is computed where it can be told before.
    """
    began = time.perf_counter()
    source = opening.open_source(request.path, request.pixel_size)
    config, ctf = config_of(request, source)
    check(request, source)
    aligner = open_aligner(config.model, config.server, config.rest)
    # Photographs are refined over their whole overlap by the model itself, which a disc cannot better.
    particles = aligner.config.get("config", {}).get("support") != "frame"
    config = dataclasses.replace(config, clean=particles)
    with contextlib.ExitStack() as open_things:
        store = None
        if request.output:
            store = open_things.enter_context(kept(f"{request.output}.parts", fingerprint(request, config), request.resume))
        # The places of all outputs are claimed first: nothing is worse than an error after hours.
        wanted = {name: getattr(request, name) for name in ENDINGS if getattr(request, name)}
        place = {name: open_things.enter_context(atomic_path(path)) for name, path in wanted.items()}
        if store is not None and source.star is not None and (request.workers > 1 or request.scheduler):
            rows = save_rows(source.array, store.folder / ROWS, config.ctf)
            config = dataclasses.replace(config, rows=os.path.abspath(rows))
        with open_executor(request.workers, request.scheduler) as executor:
            alignment = _aligned(request, source, Passes(config, executor, store, progress), aligner)
            if particles:
                one_view.judge(alignment, config)
        alignment.pixel_size = source.pixel_size
        message = outputs.unusable_images(source, alignment.particles)
        resolution, unit = alignment.resolution(0), "A" if source.pixel_size else "pixels"
        if resolution < np.inf:
            alignment.note(0, f"The averages of both halves agree (Fourier ring correlation 0.143) to {resolution:.1f} {unit}.")
        gallery = Gallery(alignment, mask_of(config)) if request.report else None
        if gallery or request.aligned:
            writer = mrc_writer(place["aligned"], source.pixel_size) if request.aligned else contextlib.nullcontext()
            with writer as append:
                outputs.turn_images(source, alignment.particles, append, gallery, progress, request.fill)
        if request.average:
            write_mrc(place["average"], alignment.averages[0].average, source.pixel_size)
        if request.output:
            star.write_star(outputs.poses_table(source, alignment.particles, request.output), place["output"])
        if request.report:
            content = _report(request, config, alignment, gallery, ctf, command, time.perf_counter() - began)
            write_report(content, place["report"])
    return alignment, ctf, message


def _aligned(request, source, passes, aligner):
    """`StackAlignment` of all images, to what the request says."""
    first = duplicates.first_of_each(source)
    table = ParticleTable.of(np.arange(len(source)), half=duplicates.halves(first))
    alignment = _stages(request, source, passes, table, aligner)
    told = duplicates.sentence(first)
    if told:
        alignment.notes.append(told)
    return alignment


def _stages(request, source, passes, table, aligner):
    if request.reference_name == AVERAGE:
        return stages.to_average(passes, table, aligner)
    numbered = np.ndim(request.reference) == 0
    image = source.read([int(request.reference) - 1])[0] if numbered else request.reference
    return stages.to_reference(passes, table, image, refine=passes.config.clean and not request.fast)


def _report(request, config, alignment, gallery, ctf, command, seconds):
    best, worst = gallery.best_and_worst()
    given, notes = request.reference_name != AVERAGE, []
    if given:
        notes.append("Both half-sets were aligned to the same reference: their Fourier ring correlation is too high.")
    return ReportContent(
        title=f"{pathlib.Path(request.path).name}, aligned",
        command=command,
        versions=versions(),
        seconds=seconds,
        source=str(request.path),
        model=str(request.model),
        ctf=ctf,
        reference=request.reference_name if given else "average of the particles",
        mask_radius=config.mask_radius,
        alignment=alignment,
        similarity=gallery.similarity,
        best=best,
        worst=worst,
        notes=notes,
    )

"""What a classed stack is written to: STAR files of particles and classes, averages, and a selection."""

import dataclasses
import pathlib

import numpy as np
import pandas as pd
import starfile

from pipelines.errors import InputError
from pipelines.files import star
from pipelines.files.atomic import atomic_path
from pipelines.files.mrc import write_mrc
from udl_tf.alignment.outputs import SIGMA
from udl_tf.particles.outputs import poses_table

JUNK = "udlJunk"  # our own column: 1 for particles told to be junk
GOOD = "good"
EDGE = 3.0  # pixels


def mask_of(box, radius):
    """Soft disc (box, box) about pixel box // 2."""
    y, x = np.mgrid[:box, :box] - box // 2
    return np.clip((radius - np.hypot(x, y)) / EDGE + 0.5, 0, 1)


def chosen(select, table):
    """Particles (n,) bool of a selection, see `request.ClassRequest`; None without one. Without a table it is only looked at."""
    if select is None:
        return None
    if select != GOOD:
        numbers = str(select).split(",")
        if not all(number.strip().isdigit() for number in numbers):
            raise InputError(f"--select {select}: expected good, or numbers of classes such as 1,3")
        numbers = [int(number) for number in numbers]
    if table is None:
        return None
    if select == GOOD:
        return table.usable & ~table.junk
    wrong = [number for number in numbers if not 1 <= number <= len(table.averages)]
    if wrong:
        raise InputError(f"--select {select}: there is no class {wrong[0]}, expected 1 to {len(table.averages)}")
    return table.usable & np.isin(table.label + 1, numbers)


def write(request, place, source, table):
    """Write what a `ClassRequest` asks for to the paths `place`; the selection and the classes beside the output."""
    kept = chosen(request.select, table)
    if request.averages:
        # Written under a name an MRC file may have, beside the place that is claimed for it.
        part = pathlib.Path(f"{place['averages']}.mrcs")
        write_mrc(part, table.averages, source.pixel_size)
        part.replace(place["averages"])
    if not request.output:
        return
    particles = classed(poses_table(source, None, request.output), table)
    star.write_star(particles, place["output"])
    stem = str(request.output).removesuffix(".star")
    _write_classes(f"{stem}_model.star", request.averages, table, source)
    if kept is not None:
        name = GOOD if request.select == GOOD else "classes_" + request.select.replace(",", "_").replace(" ", "")
        rows = particles.particles[kept].reset_index(drop=True)
        star.write_star(dataclasses.replace(particles, particles=rows), f"{stem}_{name}.star")


def classed(stars, table):
    """A `StarTable` with class, pose and evidence of each particle; those that cannot be used have class 0 and pose 0."""
    used = table.usable
    offset = np.where(used[:, None], table.offset, 0.0) * stars.pixel_sizes()[:, None]
    columns = {
        "rlnAnglePsi": np.where(used, (table.psi + 180.0) % 360.0 - 180.0, 0.0),
        "rlnOriginXAngst": offset[:, 0],
        "rlnOriginYAngst": offset[:, 1],
        "rlnClassNumber": np.where(used, table.label + 1, 0).astype(int),
        "rlnLogLikeliContribution": np.where(used, table.evidence, 0.0),
        "rlnMaxValueProbDistribution": np.where(used, table.probability, 0.0),
        JUNK: table.junk.astype(int),
    }
    if table.sigma is not None:
        columns[SIGMA] = np.where(used, np.minimum(table.sigma, 180.0), 180.0)
    for name, values in columns.items():
        if values.dtype.kind == "f":
            columns[name] = np.round(values.astype(np.float64), star.DECIMALS) + 0.0  # no negative zero
    return dataclasses.replace(stars, particles=stars.particles.assign(**columns))


def _write_classes(path, averages, table, source):
    """The classes as RELION's model file lists them."""
    stack = pathlib.Path(averages).name if averages else "none.mrcs"
    counts = table.counts
    classes = pd.DataFrame(
        {
            "rlnReferenceImage": [f"{number + 1:06d}@{stack}" for number in range(len(counts))],
            "rlnClassDistribution": np.round(counts / max(counts.sum(), 1), star.DECIMALS),
            "rlnEstimatedResolution": np.round(np.where(np.isfinite(table.resolution), table.resolution, 999.0), 3),
            "rlnNrOfParticles": counts,
            JUNK: table.junk_class.astype(int),
        }
    )
    general = {"rlnReferenceDimensionality": 2, "rlnDataDimensionality": 2, "rlnNrClasses": len(counts)}
    general |= {"rlnOriginalImageSize": source.shape[0], "rlnPixelSize": source.pixel_size or 1.0}
    text = starfile.to_string({"model_general": general, "model_classes": classes}, float_format=None, na_rep="nan")
    with atomic_path(path) as part:
        part.write_text(text.partition("\n")[2], encoding="utf-8")

"""The optics groups of a STAR file: a RELION 3.0 file gets the form of 3.1, and every particle a group that exists."""

import numpy as np
import pandas as pd

from pipelines.errors import InputError
from pipelines.files.star_text import numbers

# What a 3.0 file says of every particle and a 3.1 file of every optics group.
OPTICS_COLUMNS = (
    "rlnVoltage",
    "rlnSphericalAberration",
    "rlnAmplitudeContrast",
    "rlnBeamTiltX",
    "rlnBeamTiltY",
    "rlnDetectorPixelSize",
    "rlnMagnification",
    "rlnPixelSize",
    "rlnImagePixelSize",
)


def upgraded(particles, path):
    """(particles, optics) in the form of 3.1 of the one table of a 3.0 file.

    The optics table has no rlnImagePixelSize where the file gives neither that, nor rlnPixelSize, nor rlnDetectorPixelSize
    with rlnMagnification.
    """
    moved = [name for name in OPTICS_COLUMNS if name in particles]
    if moved:
        group = particles.groupby(moved, sort=False, dropna=False).ngroup() + 1
        optics = particles[moved].drop_duplicates().reset_index(drop=True)
    else:
        group, optics = 1, pd.DataFrame(index=[0])
    number = np.arange(1, len(optics) + 1)
    optics.insert(0, "rlnOpticsGroupName", [f"opticsGroup{n}" for n in number])
    optics.insert(1, "rlnOpticsGroup", number)
    if "rlnPixelSize" in optics and "rlnImagePixelSize" not in optics:
        optics["rlnImagePixelSize"] = optics["rlnPixelSize"]
    elif {"rlnDetectorPixelSize", "rlnMagnification"} <= set(optics) and "rlnImagePixelSize" not in optics:
        # the detector's pixel is in micrometres: 1e4 Angstrom
        pixel, magnification = (numbers(path, optics, name) for name in ("rlnDetectorPixelSize", "rlnMagnification"))
        with np.errstate(divide="ignore", invalid="ignore"):
            optics["rlnImagePixelSize"] = 1e4 * pixel / magnification
    return particles.drop(columns=moved).assign(rlnOpticsGroup=group), optics.assign(rlnImageDimensionality=2)


def grouped(particles, optics, path):
    """The particles, each in one of the optics groups: a table without groups takes the only one.

    Raises:
        InputError: no group, a group that is not in the optics table or comes there twice.
    """
    if "rlnOpticsGroup" not in optics:
        raise InputError(f"{path}: data_optics has no column rlnOpticsGroup")
    wanted, known = _same_kind(particles, optics) if "rlnOpticsGroup" in particles else (None, optics["rlnOpticsGroup"])
    if not known.is_unique:
        raise InputError(f"{path}: optics group {known[known.duplicated()].iloc[0]} is listed twice in data_optics")
    if wanted is None:
        if len(optics) != 1:
            raise InputError(f"{path}: no column rlnOpticsGroup though there are {len(optics)} optics groups")
        return particles.assign(rlnOpticsGroup=known.iloc[0])
    unknown = np.flatnonzero(~wanted.isin(known))
    if unknown.size:
        group, row = particles["rlnOpticsGroup"].iloc[unknown[0]], unknown[0] + 1
        raise InputError(f"{path}: particle {row} is of optics group {group}, which data_optics does not list")
    return particles


def of_group(particles, optics, column, path):
    """A column of the optics table given to each particle, float64 (n,)."""
    wanted, known = _same_kind(particles, optics)
    values = numbers(path, optics, column)
    if len(values) == 1:
        return np.full(len(particles), values[0])
    return wanted.map(pd.Series(values, known)).to_numpy(np.float64)


def _same_kind(particles, optics):
    """The groups of particles and of the optics table as numbers, or as text where one of them is none: 01 is 1."""
    found = [frame["rlnOpticsGroup"] for frame in (particles, optics)]
    try:
        return [pd.Series(numbers("", frame, "rlnOpticsGroup")) for frame in (particles, optics)]
    except InputError:
        return [column.astype(object).astype(str).reset_index(drop=True) for column in found]

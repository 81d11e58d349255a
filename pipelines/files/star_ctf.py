"""What a STAR file says of the contrast transfer function (CTF) of each particle.

Columns of RELION: rlnDefocusU, rlnDefocusV (A, positive is underfocus), rlnDefocusAngle (degrees), rlnPhaseShift (degrees, of a
phase plate) of each particle; rlnVoltage (kV), rlnSphericalAberration (mm), rlnAmplitudeContrast of its optics group. Any of
them counts in the particle's own row first. rlnCtfDataArePhaseFlipped and rlnCtfDataAreCtfPremultiplied tell what was already
done to the images. Not used: rlnCtfBfactor, rlnCtfScalefactor, beam tilt and higher aberrations.
"""

import dataclasses

import numpy as np

from pipelines.errors import InputError
from pipelines.files.star_optics import of_group
from pipelines.files.star_text import numbers

# Column, its least and greatest plausible value.
DEFOCUS = {"rlnDefocusU": (-1e6, 1e6), "rlnDefocusV": (-1e6, 1e6), "rlnDefocusAngle": (-1e4, 1e4)}
MICROSCOPE = {"rlnVoltage": (10.0, 3000.0), "rlnSphericalAberration": (0.0, 100.0), "rlnAmplitudeContrast": (0.0, 1.0)}
PHASE_SHIFT = "rlnPhaseShift"
FLAGS = ("rlnCtfDataArePhaseFlipped", "rlnCtfDataAreCtfPremultiplied")


@dataclasses.dataclass(frozen=True, eq=False)
class CtfParameters:
    """Arguments of `pipelines.spectra.ctf.ctf` for n particles, float64 (n,) each.

    Attributes:
        defocus_u, defocus_v: A, positive is underfocus. angle: degrees, as rlnDefocusAngle.
        voltage: kV. cs: mm. amplitude_contrast: 0 to 1. phase_shift: degrees, 0 where the file has none.
        phase_flipped: bool (n,), the signs of the CTF are already corrected in the images.
        premultiplied: bool (n,), the images are already multiplied by their CTF.
    """

    defocus_u: np.ndarray
    defocus_v: np.ndarray
    angle: np.ndarray
    voltage: np.ndarray
    cs: np.ndarray
    amplitude_contrast: np.ndarray
    phase_shift: np.ndarray
    phase_flipped: np.ndarray
    premultiplied: np.ndarray

    def __len__(self):
        return len(self.defocus_u)

    def take(self, rows):
        """The parameters of some particles: rows (k,) int, a mask or a slice."""
        return CtfParameters(*(getattr(self, field.name)[rows] for field in dataclasses.fields(self)))


def ctf_parameters(particles, optics, path):
    """`CtfParameters` of the particles (pandas tables in the form of RELION 3.1), None if there are no defocus columns.

    Raises:
        InputError: some of the columns are missing, or hold what is no number or is out of range.
    """
    there = [column for column in DEFOCUS if column in particles]
    if not there:
        return None
    columns = {**DEFOCUS, **MICROSCOPE}
    missing = [column for column in columns if column not in particles and (column in DEFOCUS or column not in optics)]
    if missing:
        raise InputError(f"{path}: column {missing[0]} is missing, expected {', '.join(columns)} for the CTF; found {there}")
    values = [_checked(particles, optics, column, limits, path) for column, limits in columns.items()]
    given = PHASE_SHIFT in particles or PHASE_SHIFT in optics
    shift = _checked(particles, optics, PHASE_SHIFT, (-1e4, 1e4), path) if given else np.zeros(len(particles))
    return CtfParameters(*values, shift, *(_flag(particles, optics, column, path) for column in FLAGS))


def _of_particle(particles, optics, column, path):
    return numbers(path, particles, column) if column in particles else of_group(particles, optics, column, path)


def _checked(particles, optics, column, limits, path):
    values, (low, high) = _of_particle(particles, optics, column, path), limits
    wrong = np.flatnonzero(~((values >= low) & (values <= high)))
    if wrong.size:
        value, row = values[wrong[0]], wrong[0] + 1
        raise InputError(f"{path}: particle {row} has {column} {value:g}, expected a value from {low:g} to {high:g}")
    return values


def _flag(particles, optics, column, path):
    if column not in particles and column not in optics:
        return np.zeros(len(particles), bool)
    values = _of_particle(particles, optics, column, path)
    if not np.isin(values, (0, 1)).all():
        raise InputError(f"{path}: column {column} holds {values[~np.isin(values, (0, 1))][0]:g}, expected 0 or 1")
    return values == 1

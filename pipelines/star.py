"""RELION STAR files: read 3.0 and 3.1, write 3.1, poses in our convention.

In memory a table is always in the form of RELION 3.1 (optics + particles); a 3.0 file is upgraded as it is read.
"""

import dataclasses
import pathlib

import numpy as np
import pandas as pd
import starfile

from pipelines import geometry
from pipelines.atomic import atomic_path
from pipelines.errors import InputError

# A label RELION knows (a particle's figure of merit), so that it neither warns nor refuses to select by it.
SCORE = "rlnParticleFigureOfMerit"
SIGMA = "udlSigmaPsi"  # our own, degrees: RELION has no column for it, and keeps those that it does not know
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


@dataclasses.dataclass(frozen=True, eq=False)
class StarTable:
    """A particle table in the form of RELION 3.1.

    Attributes:
        particles: pandas table, one row a particle, all columns of the file.
        optics: pandas table, one row an optics group.
        path: the file it was read from, or None.
        others: further tables of the file by name, kept as they are.
    """

    particles: pd.DataFrame
    optics: pd.DataFrame
    path: pathlib.Path = None
    others: dict = dataclasses.field(default_factory=dict)

    def __len__(self):
        return len(self.particles)

    def pixel_sizes(self):
        """Pixel size of each particle's image, float64 (n,) Angstrom."""
        sizes = pd.Series(_numbers(self.path, self.optics, "rlnImagePixelSize"), self.optics["rlnOpticsGroup"])
        return self.particles["rlnOpticsGroup"].map(sizes).to_numpy(np.float64)

    def poses(self, size):
        """Alignment of each particle as our rigid transform; what the file does not give is 0.

        Args:
            size: height = width of the images, pixels.

        Returns:
            angle (n,) degrees in [-180, 180), shift (n, 2) pixels.
        """
        psi, x, y = (
            _numbers(self.path, self.particles, name) if name in self.particles else np.zeros(len(self))
            for name in ("rlnAnglePsi", "rlnOriginXAngst", "rlnOriginYAngst")
        )
        return geometry.rigid_from_relion(psi, np.stack([x, y], -1) / self.pixel_sizes()[:, None], size)

    def with_poses(self, angle, shift, size, score=None, sigma=None):
        """A table with rlnAnglePsi and rlnOriginX/YAngst set from our rigid transforms; this one stays as it is.

        Args:
            angle: (n,) degrees. shift: (n, 2) pixels. size: height = width of the images, pixels.
            score: (n,), written to the column `SCORE`. sigma: (n,) degrees, to `SIGMA`.

        Raises:
            InputError: not one pose a particle.
        """
        angle, shift = np.asarray(angle, np.float64), np.asarray(shift, np.float64)
        if angle.shape != (len(self),) or shift.shape != (len(self), 2):
            raise InputError(f"poses of {len(self)} particles: received angles {angle.shape} and shifts {shift.shape}")
        psi, offset = geometry.relion_from_rigid(angle, shift, size)
        offset = offset * self.pixel_sizes()[:, None]
        columns = {"rlnAnglePsi": psi, "rlnOriginXAngst": offset[:, 0], "rlnOriginYAngst": offset[:, 1]}
        if score is not None:
            columns[SCORE] = np.asarray(score, np.float64)
        if sigma is not None:
            columns[SIGMA] = np.asarray(sigma, np.float64)
        optics = self.optics if "rlnImageSize" in self.optics else self.optics.assign(rlnImageSize=int(size))
        return dataclasses.replace(self, particles=self.particles.assign(**columns), optics=optics)


def new_star(image_names, pixel_size):
    """A table for images that came without one.

    Args:
        image_names: (n,) of ``N@file``, N from 1. pixel_size: Angstrom.
    """
    optics = {"rlnOpticsGroupName": ["opticsGroup1"], "rlnOpticsGroup": [1], "rlnImagePixelSize": [float(pixel_size)]}
    particles = pd.DataFrame({"rlnImageName": list(image_names), "rlnOpticsGroup": 1})
    return _checked(StarTable(particles, pd.DataFrame({**optics, "rlnImageDimensionality": [2]})))


def read_star(path):
    """Read a RELION 3.0 or 3.1 particle STAR file as a `StarTable`.

    Raises:
        InputError: no such file, not a STAR file, no particles, no rlnImageName, no pixel size.
    """
    path = pathlib.Path(path)
    blocks = _blocks(path)
    optics = _frame(blocks.pop("optics", None))
    named = [name for name, block in blocks.items() if "rlnImageName" in block]
    if not named:
        tables = {name: list(block) for name, block in blocks.items()}
        raise InputError(f"{path}: no table with the column rlnImageName; found {tables or 'no tables'}")
    particles = _frame(blocks.pop(named[0]))
    if len(particles) == 0:
        raise InputError(f"{path} lists no particles: its table {named[0]!r} is empty")
    if optics is None:
        particles, optics = _upgraded(particles, path)
    elif "rlnOpticsGroup" not in particles and len(optics) == 1:
        particles = particles.assign(rlnOpticsGroup=optics["rlnOpticsGroup"].iloc[0])
    table = _checked(StarTable(particles, optics, path, blocks))
    if {"rlnOriginX", "rlnOriginY"} <= set(particles):  # pixels, as in 3.0
        pixels = table.pixel_sizes()
        moved = {f"{name}Angst": _numbers(path, particles, name) * pixels for name in ("rlnOriginX", "rlnOriginY")}
        particles = particles.drop(columns=["rlnOriginX", "rlnOriginY"]).assign(**moved)
    return dataclasses.replace(table, particles=particles)


def write_star(table, path):
    """Write a `StarTable` in the form of RELION 3.1; the file appears when it is whole."""
    blocks = {"optics": table.optics, "particles": table.particles, **table.others}
    with atomic_path(path) as part:
        starfile.write(blocks, part, float_format="%.9g")


def _blocks(path):
    """All tables of a file by name; what looks like a number in a column of names stays text."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        with open(path, encoding="utf-8") as file:
            labels = {line.split()[0][1:] for line in file if line.startswith("_")}
        text = sorted(label for label in labels if label.endswith("Name"))
        return starfile.read(path, always_dict=True, parse_as_string=text)
    except (OSError, ValueError, TypeError, IndexError) as error:  # what starfile raises on a block without content
        raise InputError(f"{path} cannot be read as a STAR file: {error}") from error


def _frame(block):
    """A table of one row may be written as a plain list of values."""
    return pd.DataFrame([block]) if isinstance(block, dict) else block


def _upgraded(particles, path):
    """(particles, optics) in the form of 3.1 of the one table of a 3.0 file."""
    moved = [name for name in OPTICS_COLUMNS if name in particles]
    detector = {"rlnDetectorPixelSize", "rlnMagnification"}
    if not {"rlnImagePixelSize", "rlnPixelSize"} & set(moved) and not detector <= set(moved):
        raise InputError(
            f"{path}: no pixel size, expected rlnDetectorPixelSize with rlnMagnification (RELION 3.0) or a data_optics "
            "table with rlnImagePixelSize (3.1)"
        )
    group = particles.groupby(moved, sort=False, dropna=False).ngroup() + 1
    optics = particles[moved].drop_duplicates().reset_index(drop=True)
    number = np.arange(1, len(optics) + 1)
    optics.insert(0, "rlnOpticsGroupName", [f"opticsGroup{n}" for n in number])
    optics.insert(1, "rlnOpticsGroup", number)
    if "rlnPixelSize" in optics and "rlnImagePixelSize" not in optics:
        optics["rlnImagePixelSize"] = optics["rlnPixelSize"]
    elif "rlnImagePixelSize" not in optics:
        # the detector's pixel is in micrometres: 1e4 Angstrom
        pixel, magnification = (_numbers(path, optics, name) for name in ("rlnDetectorPixelSize", "rlnMagnification"))
        optics["rlnImagePixelSize"] = 1e4 * pixel / magnification
    return particles.drop(columns=moved).assign(rlnOpticsGroup=group), optics.assign(rlnImageDimensionality=2)


def _checked(table):
    """The table, if each particle has a pixel size."""
    for column in ("rlnOpticsGroup", "rlnImagePixelSize"):
        if column not in table.optics:
            raise InputError(f"{table.path}: no pixel size, data_optics has no column {column}")
    if "rlnOpticsGroup" not in table.particles:
        raise InputError(f"{table.path}: no column rlnOpticsGroup though there are {len(table.optics)} optics groups")
    if not table.optics["rlnOpticsGroup"].is_unique:
        raise InputError(f"{table.path}: an optics group is listed twice in data_optics")
    sizes = table.pixel_sizes()
    if not (np.isfinite(sizes) & (sizes > 0)).all():
        row = int(np.flatnonzero(~(np.isfinite(sizes) & (sizes > 0)))[0])
        group = table.particles["rlnOpticsGroup"].iloc[row]
        raise InputError(f"{table.path}: no positive pixel size for particle {row + 1} of optics group {group}")
    return table


def _numbers(path, frame, column):
    try:
        return frame[column].to_numpy(np.float64)
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: column {column} holds text where numbers are expected ({error})") from error

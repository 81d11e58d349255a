"""RELION STAR files: read 3.0 and 3.1, write 3.1, poses in our convention.

In memory a table is always in the form of RELION 3.1 (optics + particles); a 3.0 file is upgraded as it is read.
"""

import dataclasses
import pathlib

import numpy as np
import pandas as pd

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.files.star_ctf import ctf_parameters
from pipelines.files.star_optics import grouped, of_group, upgraded
from pipelines.files.star_text import numbers, read_tables
from pipelines.files.star_writing import write_tables

PIXEL_SIZE = "rlnImagePixelSize"
DECIMALS = 6  # of what we write ourselves, as RELION does


@dataclasses.dataclass(frozen=True, eq=False)
class StarTable:
    """A particle table in the form of RELION 3.1.

    Attributes:
        particles: pandas table, one row a particle, all columns of the file as the text that was read; see `numbers`.
        optics: pandas table, one row an optics group.
        path: the file it was read from, or None.
        others: further tables of the file by name, kept as they are.
        in_pixels: whether the file gave its origins in pixels (RELION 3.0), so that in Angstrom they hang on the pixel size.
    """

    particles: pd.DataFrame
    optics: pd.DataFrame
    path: pathlib.Path = None
    others: dict = dataclasses.field(default_factory=dict)
    in_pixels: bool = False

    def __len__(self):
        return len(self.particles)

    def has_pixel_sizes(self):
        """Whether the table tells the pixel size."""
        return PIXEL_SIZE in self.optics

    def numbers(self, column):
        """A column of the particles as float64 (n,). InputError with the first value that is no number."""
        return numbers(self.path, self.particles, column)

    def pixel_sizes(self):
        """Pixel size of each particle's image, float64 (n,) Angstrom. InputError where the table does not tell."""
        if not self.has_pixel_sizes():
            raise InputError(
                f"{self.path}: no pixel size, expected rlnDetectorPixelSize with rlnMagnification (RELION 3.0) or a data_optics "
                f"table with {PIXEL_SIZE} (3.1)"
            )
        sizes = of_group(self.particles, self.optics, PIXEL_SIZE, self.path)
        wrong = np.flatnonzero(~(np.isfinite(sizes) & (sizes > 0)))
        if wrong.size:
            group = self.particles["rlnOpticsGroup"].iloc[wrong[0]]
            raise InputError(f"{self.path}: no positive pixel size for particle {wrong[0] + 1} of optics group {group}")
        return sizes

    def with_pixel_size(self, pixel_size):
        """A table whose images all have this pixel size, Angstrom; this one stays as it is."""
        particles = self.particles
        if self.in_pixels:
            factor = pixel_size / self.pixel_sizes()
            moved = [name for name in ("rlnOriginXAngst", "rlnOriginYAngst") if name in particles]
            particles = particles.assign(**{name: numbers(self.path, particles, name) * factor for name in moved})
        optics = self.optics.assign(**{PIXEL_SIZE: float(pixel_size)})
        return dataclasses.replace(self, particles=particles, optics=optics)._in_angstrom()

    def ctf_parameters(self):
        """`pipelines.files.star_ctf.CtfParameters` of all particles, None without defocus columns. InputError: see there."""
        return ctf_parameters(self.particles, self.optics, self.path)

    def poses(self, size):
        """Alignment of each particle as our rigid transform; what the file does not give is 0.

        Args:
            size: height = width of the images, pixels.

        Returns:
            angle (n,) degrees in [-180, 180), shift (n, 2) pixels.
        """
        psi, x, y = (
            numbers(self.path, self.particles, name) if name in self.particles else np.zeros(len(self))
            for name in ("rlnAnglePsi", "rlnOriginXAngst", "rlnOriginYAngst")
        )
        if not np.isfinite([psi, x, y]).all():
            raise InputError(f"{self.path}: rlnAnglePsi or rlnOriginX/YAngst holds values that are not finite (NaN or infinity)")
        return geometry.rigid_from_relion(psi, np.stack([x, y], -1) / self.pixel_sizes()[:, None], size)

    def with_poses(self, angle, shift, size, columns=None):
        """A table with rlnAnglePsi and rlnOriginX/YAngst set from our rigid transforms; this one stays as it is.

        Args:
            angle: (n,) degrees. shift: (n, 2) pixels. size: height = width of the images, pixels.
            columns: {name: (n,)} of other numbers that go with them. All are rounded to `DECIMALS`.

        Raises:
            InputError: not one pose a particle.
        """
        angle, shift = np.asarray(angle, np.float64), np.asarray(shift, np.float64)
        if angle.shape != (len(self),) or shift.shape != (len(self), 2):
            raise InputError(f"poses of {len(self)} particles: received angles {angle.shape} and shifts {shift.shape}")
        psi, offset = geometry.relion_from_rigid(angle, shift, size)
        offset = offset * self.pixel_sizes()[:, None]
        poses = {"rlnAnglePsi": psi, "rlnOriginXAngst": offset[:, 0], "rlnOriginYAngst": offset[:, 1]}
        columns = {**poses, **(columns or {})}
        # + 0.0: no negative zero
        columns = {name: np.round(np.asarray(values, np.float64), DECIMALS) + 0.0 for name, values in columns.items()}
        optics = self.optics.assign(rlnImageSize=int(size))
        return dataclasses.replace(self, particles=self.particles.assign(**columns), optics=optics)

    def _in_angstrom(self):
        """Origins in pixels, as in 3.0, turned into Angstrom, if the pixel size is known."""
        moved = [name for name in ("rlnOriginX", "rlnOriginY") if name in self.particles]
        if not moved or not self.has_pixel_sizes():
            return self
        sizes = self.pixel_sizes()
        columns = {f"{name}Angst": numbers(self.path, self.particles, name) * sizes for name in moved}
        return dataclasses.replace(self, particles=self.particles.drop(columns=moved).assign(**columns), in_pixels=True)


def new_star(image_names, pixel_size):
    """A table for images that came without one.

    Args:
        image_names: (n,) of ``N@file``, N from 1. pixel_size: Angstrom.
    """
    optics = {"rlnOpticsGroupName": ["opticsGroup1"], "rlnOpticsGroup": [1], PIXEL_SIZE: [float(pixel_size)]}
    particles = pd.DataFrame({"rlnImageName": list(image_names), "rlnOpticsGroup": 1})
    table = StarTable(particles, pd.DataFrame({**optics, "rlnImageDimensionality": [2]}))
    table.pixel_sizes()  # raises if it is not positive
    return table


def read_star(path):
    """Read a RELION 3.0 or 3.1 particle STAR file as a `StarTable`.

    A file without pixel size is read; `StarTable.pixel_sizes` then tells, and `StarTable.with_pixel_size` gives it one.

    Raises:
        InputError: no such file, not a STAR file, a damaged one (see `pipelines.files.star_text`), no particles, no rlnImageName,
            an optics group that is not listed, a pixel size that is not positive.
    """
    path = pathlib.Path(path)
    blocks = read_tables(path)
    named = [name for name, block in blocks.items() if "rlnImageName" in block]
    if not named or ("particles" in blocks and "particles" not in named):
        tables = {name: list(block) for name, block in blocks.items()}
        raise InputError(f"{path}: no table with the column rlnImageName; found {tables or 'no tables'}")
    name = "particles" if "particles" in named else named[0]
    optics, particles = _frame(blocks.pop("optics", None)), _frame(blocks.pop(name))
    if len(particles) == 0:
        raise InputError(f"{path} lists no particles: its table {name!r} is empty")
    if optics is None:
        particles, optics = upgraded(particles, path)
    table = StarTable(grouped(particles, optics, path), optics, path, blocks)
    if table.has_pixel_sizes():
        table.pixel_sizes()  # raises if one is not positive
    return table._in_angstrom()


def write_star(table, path):
    """Write a `StarTable` in the form of RELION 3.1; the file appears when it is whole.

    Numbers are written so that reading gives the same ones, and the same table gives the same bytes.
    """
    write_tables({"optics": table.optics, "particles": table.particles, **table.others}, path)


def _frame(block):
    """A table of one row may be written as a plain list of values."""
    return pd.DataFrame([block]) if isinstance(block, dict) else block

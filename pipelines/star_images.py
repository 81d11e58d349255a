"""The images a STAR file points to: finding `N@file`, and reading them from several stacks."""

import dataclasses
import os
import pathlib

import numpy as np
import pandas as pd

from pipelines.errors import InputError
from pipelines.mrc import MrcStack
from pipelines.source import Source
from pipelines.star import read_star


def locate(table):
    """Where the images of a `StarTable` are.

    Returns:
        files: list of paths; file (n,) int: index into files; row (n,) int: index in the file, from 0.

    Raises:
        InputError: a name that is not ``N@file`` with N from 1 (or a bare file of one image), a missing file.
    """
    number, file, names = _split(table)
    return [resolve(name, table.path) for name in names], file, number - 1


def resolve(name, star_path):
    """Path of an image file named in a STAR file: sought from the STAR's folder, the current one, the STAR's parents.

    RELION writes names relative to its project folder, which is a parent of the STAR file or the current folder.
    """
    home = pathlib.Path(star_path).absolute().parent if star_path else pathlib.Path.cwd()
    for folder in (home, pathlib.Path.cwd(), *home.parents):
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{star_path}: image file {name} not found from {home}, its parents or {pathlib.Path.cwd()}")


def relocated(table, path):
    """The table for writing to `path`: names of images that would not be found from there become absolute."""
    number, file, names = _split(table)
    files = [resolve(name, table.path) for name in names]
    gone = np.array([not _found(name, path, target) for name, target in zip(names, files, strict=True)])
    current = table.particles["rlnImageName"].astype(str)
    folders = np.array([os.path.abspath(target) for target in files], object)[file]
    absolute = [f"{n:06d}@{target}" for n, target in zip(number, folders, strict=True)]
    particles = table.particles.assign(rlnImageName=current.where(~gone[file], pd.Series(absolute, current.index)))
    return dataclasses.replace(table, particles=particles, path=pathlib.Path(path))


class StarSource(Source):
    """The images of a STAR file, in its order, from however many stacks.

    Attributes:
        star: the `StarTable`.
        pixel_size: Angstrom if all particles have the same, else None (see ``star.pixel_sizes()``).
    """

    def __init__(self, path):
        self.star = read_star(path)
        files, self._file, self._row = locate(self.star)
        self._stacks = [MrcStack(file) for file in files]
        counts = np.array([len(stack) for stack in self._stacks])
        outside = np.flatnonzero(self._row >= counts[self._file])
        if outside.size:
            row = outside[0]
            raise InputError(
                f"{path}: particle {row + 1} is image {self._row[row] + 1} of {files[self._file[row]]}, "
                f"which holds {counts[self._file[row]]}"
            )
        shapes = {stack.shape[1:]: stack.path for stack in self._stacks}
        if len(shapes) > 1:
            found = ", ".join(f"{height}x{width} in {name}" for (height, width), name in shapes.items())
            raise InputError(f"{path}: images of different sizes, expected one size; found {found}")
        sizes = np.unique(self.star.pixel_sizes())
        pixel_size = float(sizes[0]) if len(sizes) == 1 else None
        super().__init__(pathlib.Path(path), len(self.star), *self._stacks[0].shape[1:], pixel_size)

    def _load(self, rows):
        images = np.empty((len(rows), *self._stacks[0].shape[1:]), np.float32)
        for file in np.unique(self._file[rows]):
            here = self._file[rows] == file
            images[here] = self._stacks[file].read(self._row[rows[here]])
        return images


def _split(table):
    """Names taken apart: number (n,) from 1, file (n,) index into the distinct file names, those names."""
    names = table.particles["rlnImageName"].astype(str)
    parts = names.str.partition("@")
    counted = parts[1] == "@"
    number = pd.to_numeric(parts[0].where(counted, "1"), errors="coerce")
    wrong = ~(number >= 1) | (number % 1 != 0)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        named = names.iloc[row]
        raise InputError(f"{table.path}: particle {row + 1} has rlnImageName {named!r}, expected N@file, N from 1")
    file, distinct = pd.factorize(parts[2].where(counted, parts[0]))
    return number.to_numpy(np.int64), file, list(distinct)


def _found(name, star_path, file):
    try:
        return os.path.samefile(resolve(name, star_path), file)
    except InputError:
        return False

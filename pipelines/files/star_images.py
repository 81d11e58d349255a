"""The images a STAR file points to: finding `N@file`, and reading them from several stacks."""

import dataclasses
import os
import pathlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import InputError
from pipelines.files.lazy import SAME_PIXEL_SIZE, LazyArray
from pipelines.files.mrc import MrcStack
from pipelines.files.star_text import TEXT

# RELION's way to say that a file with another ending is a stack: N@file.mrc:mrcs
FORMATS = (":mrcs", ":mrc")


def locate(table):
    """Where the images of a `StarTable` are.

    Returns:
        files: list of paths; file (n,) int: index into files; row (n,) int: index in the file, from 0.

    Raises:
        InputError: a name that is not ``N@file`` with N from 1 (or a bare file of one image), a missing file.
    """
    number, file, names, _ = _split(table)
    return [resolve(name, table.path) for name in names], file, number - 1


def resolve(name, star_path):
    """Path of an image file named in a STAR file: sought from the STAR's folder, the current one, the STAR's parents.

    RELION writes names relative to its project folder, which is a parent of the STAR file or the current folder.
    """
    home = pathlib.Path(star_path).absolute().parent if star_path else pathlib.Path.cwd()
    for folder in (home, pathlib.Path.cwd(), *home.parents):
        for path in (name, _bare(name)):
            # os.path, not pathlib: a name that no file system can hold is then just not there
            if os.path.isfile(folder / path):
                return folder / path
    raise InputError(f"{star_path}: image file {name!r} not found from {home}, its parents or {pathlib.Path.cwd()}")


def relocated(table, path):
    """The table for writing to `path`: names of images that would not be found from there become absolute."""
    number, file, names, _ = _split(table)
    files = [resolve(name, table.path) for name in names]
    gone = np.array([not _found(name, path, target) for name, target in zip(names, files, strict=True)])
    if not gone.any():
        return dataclasses.replace(table, path=pathlib.Path(path))
    current = table.particles["rlnImageName"].astype(object)
    ends = [name[len(_bare(name)) :] for name in names]
    targets = np.array([os.path.abspath(target) + end for target, end in zip(files, ends, strict=True)], object)[file]
    absolute = [f"{n:06d}@{target}" for n, target in zip(number, targets, strict=True)]
    particles = table.particles.assign(rlnImageName=current.where(~gone[file], pd.Series(absolute, current.index)))
    return dataclasses.replace(table, particles=particles, path=pathlib.Path(path))


class StackedArray(LazyArray):
    """Images "IYX", float32, each of which lies somewhere in one of several stacks.

    Args:
        path: what tells where. stacks: list of `MrcStack`. file, row: (n,) which stack, and which image of it, from 0.
        pixel_size: Angstrom, or None.
    """

    def __init__(self, path, stacks, file, row, pixel_size):
        self._stacks, self.file, self.row = stacks, file, row
        spacing = {} if pixel_size is None else dict.fromkeys("YX", pixel_size)
        files = [path, *(stack.path for stack in stacks)]
        super().__init__(path, "IYX", (len(row), *stacks[0].shape[1:]), np.float32, spacing, "A", files=files)

    def _planes(self, numbers):
        images = np.empty((len(numbers), *self._stacks[0].shape[1:]), np.float32)
        for file in np.unique(self.file[numbers]):
            here = self.file[numbers] == file
            images[here] = self._stacks[file].read(self.row[numbers[here]])
        return images


class StarArray(StackedArray):
    """The images of a `StarTable`, in its order, from however many stacks: "IYX", float32.

    A table without pixel size takes that of the MRC headers.

    Attributes:
        star: the `StarTable`.

    Raises:
        InputError: a file that is missing or no MRC file, an image that is not in it, images of different sizes, pixel sizes
            that differ by more than 1 %.
    """

    def __init__(self, table):
        files, file, row = locate(table)
        stacks = [MrcStack(file) for file in files]
        _check_rows(table, stacks, file, row)
        shapes = {stack.shape[1:]: stack.path for stack in stacks}
        if len(shapes) > 1:
            found = ", ".join(f"{height}x{width} in {name}" for (height, width), name in shapes.items())
            raise InputError(f"{table.path}: images of different sizes, expected one size; found {found}")
        if not table.has_pixel_sizes():
            pixel_size = _one_size([stack.pixel_size for stack in stacks if stack.pixel_size], table.path)
            table = table.with_pixel_size(pixel_size) if pixel_size else table
        self.star = table
        pixel_size = _one_size(table.pixel_sizes(), table.path) if table.has_pixel_sizes() else None
        super().__init__(table.path, stacks, file, row, pixel_size)

    def with_pixel_size(self, pixel_size):
        """See `LazyArray`: the table has it, too."""
        other = super().with_pixel_size(pixel_size)
        if other is not self:
            other.star = self.star.with_pixel_size(pixel_size)
        return other


def _check_rows(table, stacks, file, row):
    counts = np.array([len(stack) for stack in stacks])[file]
    outside = np.flatnonzero(row >= counts)
    if outside.size:
        at = outside[0]
        raise InputError(
            f"{table.path}: particle {at + 1} is image {row[at] + 1} of {stacks[file[at]].path}, which holds {counts[at]}"
        )
    vague = np.flatnonzero(~_split(table)[3] & (counts > 1))
    if vague.size:
        at = vague[0]
        name = table.particles["rlnImageName"].iloc[at]
        raise InputError(f"{table.path}: particle {at + 1} is {name!r}, a file of {counts[at]} images: expected N@file")


def _split(table):
    """Names taken apart: number (n,) from 1; file (n,), index into the distinct file names; those names; if there is an @."""
    names = pa.chunked_array([pa.array(table.particles["rlnImageName"].astype(TEXT), pa.large_string())]).combine_chunks()
    parts = pc.split_pattern(names, "@", max_splits=1)
    counted = pc.equal(pc.list_value_length(parts), 2)
    number = pc.if_else(counted, pc.list_element(parts, 0), "1")
    right = pc.match_substring_regex(number, "^[0-9]{1,18}$")
    value = pc.cast(pc.if_else(right, number, "0"), pa.int64()).to_numpy()
    if (value < 1).any():
        row = int(np.flatnonzero(value < 1)[0])
        raise InputError(f"{table.path}: particle {row + 1} has rlnImageName {names[row].as_py()!r}, expected N@file, N from 1")
    file = pc.dictionary_encode(pc.replace_substring_regex(names, "^[^@]*@", ""))  # a name without @ stays as it is
    index = file.indices.to_numpy().astype(np.int64)
    return value, index, file.dictionary.to_pylist(), counted.to_numpy(zero_copy_only=False)


def _bare(name):
    """The name without RELION's format suffix."""
    for suffix in FORMATS:
        if name.endswith(suffix):
            return name[: -len(suffix)]
    return name


def _found(name, star_path, file):
    try:
        return os.path.samefile(resolve(name, star_path), file)
    except InputError:
        return False


def _one_size(sizes, path):
    """The pixel size that all share, None without any; their middle where they differ by less than `SAME_PIXEL_SIZE`."""
    if len(sizes) == 0:
        return None
    low, high = float(np.min(sizes)), float(np.max(sizes))
    if high > low * (1 + SAME_PIXEL_SIZE):
        raise InputError(f"{path}: images of different pixel sizes, expected one; found {low:g} to {high:g} A")
    return low if low == high else float(np.median(sizes))

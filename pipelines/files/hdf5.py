"""HDF5 files by h5py: volumes of ilastik, Fiji, CREMI and of ours; ``file.h5/name`` chooses one of several arrays."""

import json

import h5py
import numpy as np

from pipelines.errors import InputError
from pipelines.files.atomic import atomic_path
from pipelines.files.chunked import ChunkedArray, chunks_of, letters, named, write_slabs
from pipelines.files.inside import SUFFIXES, split
from pipelines.files.lazy import ANGSTROM, LazyArray

NAME = "volume"  # of the array in a file that is not made of another HDF5 file
KNOWN = set("TCZYXI")


class Hdf5Array(ChunkedArray):
    """An array of an HDF5 file.

    Its axes are what ilastik's `axistags` or the labels of its dimensions say, else Y and X, or Z, Y and X. Sizes of pixels are
    Fiji's `element_size_um`, or `resolution` in nanometres (CREMI's), or in what `unit` says.

    Raises:
        InputError: damaged, no HDF5, no array of that name, or several and no name.
    """

    def __init__(self, path):
        file, wanted = split(path)
        if not file.is_file():
            raise InputError(f"{file}: no such file")
        try:
            self._file = h5py.File(file, "r")
            name = named(_arrays(self._file), file, wanted, "HDF5")
            stored = self._file[name]
            attributes = {key: stored.attrs[key] for key in stored.attrs if not isinstance(stored.attrs[key], h5py.Reference)}
        except OSError as error:
            raise InputError(f"{file} cannot be read: damaged, or not HDF5 ({' '.join(str(error).split())})") from None
        axes = _axes(file, stored, attributes)
        spacing, unit = _spacing(attributes, axes)
        about = {"layout": "hdf5", "name": name, "attributes": attributes, "compression": stored.compression}
        super().__init__(path, stored, axes, about, spacing=spacing, unit=unit, files=[file])

    def __reduce__(self):
        return Hdf5Array, (self.path,)  # another process opens the file for itself


def write_hdf5(path, planes, like: LazyArray, remark: str = "") -> None:
    """Write planes (height, width), as many as `like` has and of its type, under the name that they had; whole or not at all.

    Chunks, compression and attributes are those of an HDF5 source; else chunks are compressed by gzip. `resolution` is in the
    units that `unit` names.
    """
    known = like.metadata if like.metadata.get("layout") == "hdf5" else {}
    with atomic_path(path) as part, h5py.File(part, "w") as file:
        compression = known.get("compression", "gzip")
        stored = file.create_dataset(
            known.get("name", NAME), like.shape, like.dtype, chunks=chunks_of(like), compression=compression
        )
        for key, value in known.get("attributes", {}).items():
            stored.attrs[key] = value
        for number, letter in enumerate(like.axes):
            stored.dims[number].label = letter.lower()
        if like.spacing:
            stored.attrs["resolution"] = [like.spacing.get(letter, like.spacing["X"]) for letter in like.axes if letter in "ZYX"]
            stored.attrs["unit"] = like.unit or ""
            if "element_size_um" in stored.attrs and like.unit:
                scale = ANGSTROM[like.unit] / ANGSTROM["um"]
                stored.attrs["element_size_um"] = [scale * like.spacing.get(letter, like.spacing["X"]) for letter in "ZYX"]
        if remark:
            stored.attrs["remark"] = remark
        write_slabs(stored, planes, like)


def _arrays(file):
    """Names of all arrays of numbers that may be images."""
    found = []

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "biuf" and item.ndim >= 2 and min(item.shape, default=0) > 0:
            found.append(name)

    file.visititems(visit)
    return found


def _axes(path, stored, attributes):
    labels = [dimension.label for dimension in stored.dims]
    if "axistags" in attributes:
        try:
            labels = [axis["key"] for axis in json.loads(attributes["axistags"])["axes"]]
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{path}: received axistags that are not ilastik's: {attributes['axistags']!r}") from None
    axes = "".join(labels).upper()
    if len(axes) != stored.ndim or not set(axes) <= KNOWN or not axes.endswith("YX"):
        if stored.ndim > 3 and all(labels):
            raise InputError(f"{path}: received the axes {axes}, expected some of T, C, Z before Y and X")
        return letters(path, stored.ndim)
    return axes


def _spacing(attributes, axes):
    if "element_size_um" in attributes:
        sizes, unit = attributes["element_size_um"], "um"
    elif "resolution" in attributes:
        said = attributes.get("unit", "nm")
        sizes, unit = attributes["resolution"], said.decode() if isinstance(said, bytes) else str(said)
    else:
        return {}, None
    sizes = np.atleast_1d(np.asarray(sizes, np.float64))
    inner = [letter for letter in axes if letter in "ZYX"][-len(sizes) :]
    known = {letter: float(size) for letter, size in zip(reversed(inner), sizes[::-1]) if np.isfinite(size) and size > 0}
    return (known, unit if unit in ANGSTROM else None) if "X" in known else ({}, None)


__all__ = ["SUFFIXES", "Hdf5Array", "write_hdf5"]

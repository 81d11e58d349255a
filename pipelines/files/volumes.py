"""Volumes of sections: one grey array of sections, height and width, whatever it is read from; written in the same form.

A TIFF, MRC or HDF5 file, an OME-Zarr folder, or a folder with a picture a section, in the order of their names. Sections are read
and written one after the other, so that a volume need not fit into memory.
"""

import contextlib
import json
import math
import pathlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import tifffile

from pipelines.errors import InputError
from pipelines.files import hdf5, inside, ome_zarr
from pipelines.files.atomic import atomic_folder, atomic_path
from pipelines.files.gallery import picture_paths
from pipelines.files.lazy import LazyArray
from pipelines.files.mrc import mrc_writer
from pipelines.files.mrc_header import MODES
from pipelines.files.opening import OPENERS, PICTURES, open_array
from pipelines.files.picture_writing import write_picture
from pipelines.files.series_writing import LARGE, MRCS, TIFFS, write_series


class SectionFolder(LazyArray):
    """The pictures of a folder as a volume "ZYX" of their own type of number.

    Raises:
        InputError: pictures of several sizes or types, with colours, or files with several pictures.
    """

    def __init__(self, path):
        self.names = picture_paths(path, PICTURES)
        self._kind = None
        first = self._section(0)
        self._kind = first.shape, first.dtype
        super().__init__(path, "ZYX", (len(self.names), *first.shape), first.dtype, files=self.names)

    def _section(self, number):
        name = self.names[number]
        array = OPENERS[name.suffix.lower()](name)
        if array.plane_axes != 2 or array.plane_count != 1:
            raise InputError(f"{name}: received the axes {array.axes}, expected one grey section a file")
        section = array.planes([0])[0]
        if self._kind and (section.shape, section.dtype) != self._kind:
            found, expected = (f"{size[1]}x{size[0]} {kind}" for size, kind in ((section.shape, section.dtype), self._kind))
            raise InputError(f"{name}: a section of {found}, expected {expected} as those before it")
        return section

    def _planes(self, numbers):
        sections = [self._section(number) for number in numbers]
        return np.stack(sections) if sections else np.empty((0, *self.shape[1:]), self.dtype)


def open_volume(path) -> LazyArray:
    """Open a volume; a section is a plane of the array.

    Raises:
        InputError: not there, no volume, colours, several volumes, or one section only.
    """
    pictures = pathlib.Path(path).is_dir() and pathlib.Path(path).suffix.lower() not in OPENERS
    array = SectionFolder(path) if pictures else open_array(path)
    outer = [side for side in array.shape[: -array.plane_axes] if side > 1]
    if array.plane_axes != 2 or len(outer) != 1 or array.dtype.kind not in "iuf":
        axes = ", ".join(f"{side} along {letter}" for letter, side in zip(array.axes, array.shape))
        raise InputError(f"{path} holds {axes}, {array.dtype}: expected two or more grey sections of one volume")
    return array


def check_volume(path, like: LazyArray) -> None:
    """InputError where `write_volume` could not write to a name, told before the work."""
    path = pathlib.Path(path)
    folder, suffix = isinstance(like, SectionFolder), path.suffix.lower()
    files = [ending for ending in WRITERS if ending not in MRCS or like.dtype.name in MODES.values()]
    if suffix in WRITERS if folder else suffix not in files:
        raise InputError(f"cannot write {path}: expected {'a folder, as ' + str(like.path) if folder else ' or '.join(files)}")
    if suffix in ome_zarr.SUFFIXES:
        ome_zarr.package(path)
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: the folder {path.parent} does not exist")
    if path.exists() and like.path is not None and path.samefile(inside.split(like.path)[0]):
        raise InputError(f"cannot write {path}: it is the input, and would be read while it is written")


def write_volume(path, sections: Iterable[np.ndarray], like: LazyArray, remark: str = "") -> None:
    """Write sections (height, width), as many as `like` has and of its type, in its form; it appears when it is whole.

    A TIFF file keeps what `pipelines.files.series_writing.write_series` keeps, an MRC file voxel sizes and type of number, a
    folder the names of its files, HDF5 and Zarr the chunks. A remark stands in the description (ImageJ: its info; MRC: a label;
    HDF5, Zarr: `remark` beside the array; a folder: `remark.txt`).
    """
    check_volume(path, like)
    write = _write_folder if isinstance(like, SectionFolder) else WRITERS[pathlib.Path(path).suffix.lower()]
    write(path, sections, like, remark)


def finer(like: LazyArray, factor: int) -> LazyArray:
    """What `write_volume` takes for `factor` times as many steps from section to section, in the form of `like`.

    Sections of a folder get numbers for names.
    """
    axis = next(k for k, side in enumerate(like.shape) if side > 1)
    count = (like.shape[axis] - 1) * factor + 1
    shape = (*like.shape[:axis], count, *like.shape[axis + 1 :])
    spacing = {key: size / (factor if key == "Z" else 1) for key, size in like.spacing.items()}
    known = dict(like.metadata)
    if "spacing" in known.get("imagej", {}):
        known["imagej"] = {**known["imagej"], "spacing": known["imagej"]["spacing"] / factor}
    other = _told(like, shape, spacing, known)
    if isinstance(like, SectionFolder):
        other.names = [pathlib.Path(f"{number + 1:05d}{like.names[0].suffix}") for number in range(count)]
    return other


@contextlib.contextmanager
def planes_writer(path, shape: tuple[int, int, int], remark: str = "") -> Iterator[Callable[[np.ndarray], None]]:
    """Context manager: a function that adds a picture float32 (height, width) as a page to a TIFF file.

    The file appears when the body ends well. `shape`: (pages, height, width). A remark is the description.
    """
    large, told = 4 * math.prod(shape) > LARGE, iter([remark])
    with atomic_path(path) as part, tifffile.TiffWriter(part, bigtiff=large) as file:
        yield lambda plane: file.write(plane, photometric="minisblack", metadata=None, description=next(told, None))


def _remarked(like, remark):
    """The array with a remark in what is known of it."""
    known = dict(like.metadata)
    if known.get("layout") == "imagej":
        about = dict(known.get("imagej", {}))
        known["imagej"] = {**about, "Info": "\n".join(filter(None, [about.get("Info"), remark]))}
    elif known.get("layout") != "ome":
        known["description"] = _with_remark(known.get("description"), remark)
    return _told(like, like.shape, like.spacing, known)


def _with_remark(description, remark):
    """A description and a remark; that of tifffile is JSON, and no longer read with a line below it."""
    if description and description.startswith('{"shape"'):
        return json.dumps({**json.loads(description), "remark": remark})
    return "\n".join(filter(None, [description, remark]))


def _told(like, shape, spacing, metadata):
    """What is to be said of a volume, of the kind of `like`; nothing can be read from it."""
    other = object.__new__(SectionFolder if isinstance(like, SectionFolder) else LazyArray)
    LazyArray.__init__(other, like.path, like.axes, shape, like.dtype, spacing, like.unit, metadata, like.files)
    return other


def _write_folder(path, sections, like, remark):
    with atomic_folder(path) as part:
        for name, section in zip(like.names, sections, strict=True):
            write_picture(part / name.name, section)
        if remark:
            (part / "remark.txt").write_text(remark + "\n", encoding="utf-8")


def _write_tiff(path, sections, like, remark):
    write_series(path, sections, like.shape[-2:], _remarked(like, remark) if remark else like)


def _write_mrc(path, sections, like, remark):
    voxel = None
    if like.spacing and like.unit:
        scale = like.pixel_size / like.spacing["X"]
        voxel = [like.spacing.get(axis, like.spacing["X"]) * scale for axis in "XYZ"]
    with mrc_writer(path, voxel, like.dtype.name, "Z" in like.axes, remark) as append:
        for section in sections:
            append(section)


# What writes the files of an ending: (path, sections, like, remark). A folder of pictures is none of them.
WRITERS = {
    **dict.fromkeys(TIFFS, _write_tiff),
    **dict.fromkeys(MRCS, _write_mrc),
    **dict.fromkeys(hdf5.SUFFIXES, hdf5.write_hdf5),
    **dict.fromkeys(ome_zarr.SUFFIXES, ome_zarr.write_zarr),
}

"""TIFF files, read by tifffile: pages, BigTIFF, ImageJ's and OME's layouts; compression as imagecodecs knows it.

Grey values come as they are stored, but for two kinds of pages: where 0 is white they are turned round, so that larger always is
brighter, and indices into a palette become its colours (not in ImageJ's files, whose palettes colour what was measured).
"""

import contextlib
import logging
import pathlib

import numpy as np
import tifffile

from pipelines.errors import InputError
from pipelines.files.gallery import Gallery
from pipelines.files.grey import grey, oriented
from pipelines.files.lazy import LazyArray, MemoryArray, unit_of

SUFFIXES = (".tif", ".tiff", ".btf")
LEADING = set("TCZI")
PLANES = ("YX", "YXS", "SYX")  # what a page may hold


def open_tiff(path):
    """A TIFF file as a `LazyArray`, the axes as its layout names them.

    Copies of reduced resolution, previews and masks do not count. Pages of different sizes make a `Gallery`.

    Raises:
        InputError: damaged, cut short, not TIFF, or compressed in a way that is not known.
    """
    if not pathlib.Path(path).is_file():
        raise InputError(f"{path}: no such file")
    with _one_line(path):
        file = tifffile.TiffFile(path)
        file.filehandle.lock = True  # threads read by turns
        series = [one for one in file.series if one.keyframe is not None and not _is_copy(one.keyframe)]
        if not series:
            raise InputError(f"{path} cannot be read as an image: its TIFF holds no pictures")
        if len(series) > 1 and file.series[0].kind in ("generic", "uniform"):
            return _Pages(path, [page for page in file.pages if not _is_copy(page.keyframe)])
        return _Series(path, file, series[0])


def has_time(path) -> bool:
    """Whether a path is that of a TIFF file with several pictures along an axis of time."""
    if pathlib.Path(path).suffix.lower() not in SUFFIXES:
        return False
    array = open_tiff(path)
    return dict(zip(array.axes, array.shape)).get("T", 1) > 1


class _Series(LazyArray):
    """The pages of one series."""

    def __init__(self, path, file, series):
        page, axes, shape = series.keyframe, series.axes, series.shape
        self._file, self._series, self._page, self._whole = file, series, page, None
        self._palette = page.colormap if page.photometric == 3 and not file.is_imagej else None
        if page.axes not in PLANES or not axes.endswith(page.axes):
            self._whole = MemoryArray(*_planes_last(series.asarray(), axes))  # a layout that is not made of pages
            axes, shape = self._whole.axes, self._whole.shape
        elif page.axes == "SYX":
            axes, shape = axes[:-3] + "YXS", (*shape[:-3], *shape[-2:], shape[-3])
        dtype = series.dtype
        if self._palette is not None and axes.endswith("X"):
            axes, shape, dtype = axes + "S", (*shape, 3), self._palette.dtype
        self._orientation = _orientation(page)
        if self._orientation > 4:
            first = axes.index("Y")
            shape = (*shape[:first], shape[first + 1], shape[first], *shape[first + 2 :])
        spacing, unit = _spacing(file, page)
        axes = "".join(letter if letter in "YXS" or letter in LEADING else "I" for letter in axes)
        if len(set(axes)) < len(axes):  # two axes of one letter: images, one after the other
            inner = 3 if axes.endswith("S") else 2
            axes, shape = "I" + axes[-inner:], (int(np.prod(shape[:-inner])), *shape[-inner:])
        about = {"spacing": {axis: spacing[axis] for axis in spacing if axis in axes}, "unit": unit}
        files = sorted({str(one.parent.filehandle.path) for one in series.pages if one is not None} | {str(path)})
        super().__init__(path, axes, shape, dtype, metadata=_metadata(file, page), files=files, **about)
        self._check_length()

    def __reduce__(self):
        return open_tiff, (self.path,)  # another process opens the file for itself

    def _planes(self, numbers):
        with _one_line(self.path):
            if self._whole is not None:
                planes = self._whole.planes(numbers)
            elif not len(numbers):
                return np.empty((0, *self.shape[-self.plane_axes :]), self.dtype)
            else:
                planes = np.stack([self._plane(int(number)) for number in numbers])
            if self._palette is not None:
                planes = np.moveaxis(self._palette[:, planes], 0, -1)
        planes = oriented(planes, self._orientation, 1)
        return np.ascontiguousarray(_larger_is_brighter(planes, self._page), self.dtype)

    def _plane(self, number):
        if self._series.dataoffset is None:
            plane = self._series.pages[number].asarray()
        else:  # one block of bytes, whose pages need not be listed: ImageJ's layout above 4 GB
            shape, kind = self._page.shape, np.dtype(self._file.byteorder + self._series.dtype.char)
            count = int(np.prod(shape))
            with open(self.path, "rb") as file:
                file.seek(self._series.dataoffset + number * count * kind.itemsize)
                plane = np.fromfile(file, kind, count).reshape(shape)
        plane = plane.reshape(self._page.shape)
        return np.moveaxis(plane, 0, -1) if self._page.axes == "SYX" else plane

    def _check_length(self):
        """InputError where the file is too short for its pixels; told now, not after hours."""
        size, page = self.path.stat().st_size, self._page
        said = (self._file.imagej_metadata or {}).get("images", 1) if self._file.is_imagej else 1
        if len(self._file.pages) == 1 < said and self.plane_count != said:  # all images behind one directory
            raise _truncated(self.path, page.dataoffsets[0] + said * page.nbytes, size)
        if self._series.dataoffset is not None:
            end = self._series.dataoffset + self._series.nbytes
        else:
            own = [page for page in (self._series.pages[0], self._series.pages[-1]) if page is not None]
            own = [page for page in own if page.parent is self._file]
            end = max((sum(part) for page in own for part in zip(page.dataoffsets, page.databytecounts)), default=0)
        if end > size:
            raise _truncated(self.path, end, size)


def _truncated(path, expected, found):
    return InputError(f"{path} is truncated: expected at least {expected} bytes, found {found}")


class _Pages(Gallery):
    """Pages of different sizes or types."""

    def __init__(self, path, pages):
        self._pages_of_file, self.path = pages, path
        super().__init__(path, len(pages), [path])

    def __reduce__(self):
        return open_tiff, (self.path,)

    def _image(self, number):
        page = self._pages_of_file[number]
        with _one_line(self.path):
            pixels = _larger_is_brighter(page.asarray(), page.keyframe)
        if page.keyframe.axes == "SYX":
            pixels = np.moveaxis(pixels, 0, -1)
        pixels = oriented(pixels, _orientation(page.keyframe))
        return grey(pixels, self.path) if pixels.ndim == 3 else pixels


def _is_copy(page):
    """Whether a page is a smaller copy of another, or a mask for it: the first and third bit of NewSubfileType."""
    return bool(page.subfiletype & 5)


def _orientation(page):
    tag = page.tags.get("Orientation")
    return tag.value if tag is not None and tag.value in range(1, 9) else 1


def _planes_last(values, axes):
    """(array, axes) with Y, X and, of up to four, S behind all others."""
    order = sorted(range(len(axes)), key=lambda i: ("YXS".find(axes[i]), i) if axes[i] in "YXS" else (-1, i))
    return np.transpose(values, order), "".join(axes[i] for i in order)


def _larger_is_brighter(pixels, page):
    """Pixels of pages where 0 is white turned round: integers within their bits, other numbers by their sign."""
    if page.photometric != 0:
        return pixels
    kind = pixels.dtype.kind
    if kind == "u":
        return ((1 << page.bitspersample) - 1 - pixels).astype(pixels.dtype)
    return ~pixels if kind in "ib" else -pixels


def _spacing(file, page):
    """(letter -> size, unit) of ImageJ's and OME's files; the resolution of others is that of a printer."""
    if file.is_ome:
        pixels = _first(tifffile.xml2dict(file.ome_metadata).get("OME", {}).get("Image", {})).get("Pixels", {})
        sizes = {axis: pixels.get(f"PhysicalSize{axis}") for axis in "ZYX"}
        unit = unit_of(pixels.get("PhysicalSizeXUnit", "um"))
        return _positive(sizes), unit
    if file.is_imagej and file.imagej_metadata:
        unit = unit_of(file.imagej_metadata.get("unit"))
        down, right = (1.0 / tag if tag else None for tag in reversed(page.get_resolution(unit=1) if unit else (0, 0)))
        return _positive({"Z": file.imagej_metadata.get("spacing"), "Y": down, "X": right}) if unit else {}, unit
    return {}, None


def _first(found):
    return found[0] if isinstance(found, list | tuple) else found


def _positive(sizes):
    return {axis: float(size) for axis, size in sizes.items() if size and np.isfinite(size) and size > 0}


def _metadata(file, page):
    """The layout's name, the description, the resolution with its unit (TIFF's number for it), and ImageJ's values."""
    found = {"layout": "ome" if file.is_ome else "imagej" if file.is_imagej else "tiff", "description": page.description}
    if "XResolution" in page.tags:
        found |= {"resolution": page.resolution, "resolution_unit": int(page.resolutionunit)}
    return {**found, **({"imagej": dict(file.imagej_metadata)} if file.is_imagej and file.imagej_metadata else {})}


@contextlib.contextmanager
def _one_line(path):
    """Faults of tifffile, which may be of any type, as `InputError`; what it would print besides is kept quiet."""
    log = logging.getLogger("tifffile")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())
        if "imagecodecs" in text:
            text += " (pip install imagecodecs)"
        raise InputError(f"{path} cannot be read as an image: damaged, or not a TIFF file that is known ({text})") from error
    finally:
        log.setLevel(level)

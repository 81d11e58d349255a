"""Square grey images, whatever they are read from: what particles are to the rest of the code."""

import logging
import pathlib

import numpy as np

from pipelines.errors import InputError
from pipelines.files.grey import grey
from pipelines.files.lazy import SAME_PIXEL_SIZE, LazyArray, MemoryArray

LOG = logging.getLogger(__name__)


class Source:
    """Square grey images, read on demand: all planes of an array, one after the other.

    Colours become grey. Images that are not square are centre-cropped to their short side, with one notice; where the two
    sides differ by an odd number of pixels the crop's centre lies half a pixel above or left of the image's.

    Args:
        array: `pipelines.files.lazy.LazyArray`. pixel_size: Angstrom, in place of the array's own.

    Attributes:
        array: as given. path: the file or folder read, or None.
        shape: (height, width) of an image as read, after the crop.
        pixel_size: Angstrom, or None where unknown.
        star: the `pipelines.files.star.StarTable` of a STAR source, else None.

    Raises:
        InputError: a STAR source of unknown pixel size.
    """

    def __init__(self, array: LazyArray, pixel_size: float | None = None):
        self.array = array = array if pixel_size is None else array.with_pixel_size(pixel_size)
        height, width = array.shape[-array.plane_axes :][:2]
        side = min(height, width)
        if height != width:
            LOG.warning("%s: images of %dx%d pixels are centre-cropped to %dx%d", array.path, height, width, side, side)
        self.path, self.shape, self.pixel_size, self.star = array.path, (side, side), array.pixel_size, array.star
        self._corner = (height - side) // 2, (width - side) // 2
        if self.star is not None:
            self.star.pixel_sizes()  # raises where it does not know

    def __len__(self):
        return self.array.plane_count

    def check_pixel_size(self, other):
        """InputError where this source's pixels are known to be of another size than those of `other`, by more than 1 %."""
        mine, wanted = self.pixel_size, other.pixel_size
        if mine and wanted and abs(mine / wanted - 1) > SAME_PIXEL_SIZE:
            raise InputError(
                f"{self.path} has pixels of {mine:g} A: expected {wanted:g} A, those of {other.path}; scale one of them, "
                "or say with --pixel-size what both have"
            )

    def paths(self):
        """Paths of all files the images come from, for telling whether they changed."""
        return [pathlib.Path(file) for file in self.array.files]

    def read(self, indices) -> np.ndarray:
        """Raw grey values of some images.

        Args:
            indices: a slice, integers from 0 in any order, repeats allowed, or a mask (len(self),) of bool.

        Returns:
            float32 (n, height, width), never a view of the source.

        Raises:
            InputError: an index outside 0 .. len(self) - 1.
        """
        if isinstance(indices, slice):
            indices = np.arange(*indices.indices(len(self)))
        rows = np.atleast_1d(np.asarray(indices))
        if rows.dtype == bool and rows.shape == (len(self),):
            rows = np.flatnonzero(rows)
        rows = rows.astype(np.int64) if rows.size == 0 else rows
        if rows.ndim != 1 or rows.dtype.kind not in "iu":
            raise InputError(f"image indices: received {rows.dtype} of shape {rows.shape}, expected integers (n,)")
        if rows.size and (rows.min() < 0 or rows.max() >= len(self)):
            wrong = rows[(rows < 0) | (rows >= len(self))][0]
            raise InputError(f"{self.path or 'array'} has no image of index {wrong}: expected 0 to {len(self) - 1}")
        (top, left), side = self._corner, self.shape[0]
        images = _in_reach(self.array.planes(rows)[:, top : top + side, left : left + side])
        return np.ascontiguousarray(grey(images, self.path) if self.array.plane_axes == 3 else images, np.float32)

    def stored(self, number: int) -> np.ndarray:
        """One image as it is stored, with its colours: (height, width) or (height, width, samples), after the crop."""
        (top, left), side = self._corner, self.shape[0]
        return self.array.planes([number])[0, top : top + side, left : left + side]


class ArraySource(Source):
    """Images held in memory: (n, height, width) or one image (height, width)."""

    def __init__(self, images, pixel_size=None, path=None):
        images = np.asarray(images)
        images = images[None] if images.ndim == 2 else images
        if images.ndim != 3 or images.dtype.kind not in "biuf":
            raise InputError(f"images: received {images.dtype} of shape {images.shape}, expected real numbers (n, height, width)")
        if not images.size:
            raise InputError(f"{path or 'array'} holds no images: received {len(images)} of {images.shape[1]}x{images.shape[2]}")
        super().__init__(MemoryArray(images, "IYX", path), pixel_size)


def _in_reach(images):
    """Images; those with numbers that float32 would round come less their own mean, so that what they show is kept."""
    if images.dtype.itemsize < 4 or images.dtype == np.float32 or not images.size:
        return images
    each = tuple(range(1, images.ndim))
    large = np.abs(images.astype(np.float64)).max(each, keepdims=True) >= 2**24
    return images - np.where(large, np.round(images.mean(each, np.float64, keepdims=True)), 0.0) if large.any() else images


def chunks(source, size):
    """Walk through a source that may be larger than memory: yields (slice, images (<= size, height, width))."""
    if size < 1:
        raise InputError(f"chunk size: received {size}, expected at least 1")
    for start in range(0, len(source), size):
        rows = slice(start, min(start + size, len(source)))
        yield rows, source.read(rows)

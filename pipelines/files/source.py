"""What every image source can do, whatever file it comes from."""

import logging

import numpy as np

from pipelines.errors import InputError

LOG = logging.getLogger(__name__)


class Source:
    """Square grey images, read on demand.

    Images that are not square are centre-cropped to their short side, with one notice; where the two sides differ by an
    odd number of pixels the crop's centre lies half a pixel above or left of the image's.

    Attributes:
        path: the file or folder read, or None.
        shape: (height, width) of an image as read, after the crop.
        pixel_size: Angstrom, or None where unknown.
        star: the `pipelines.files.star.StarTable` of a STAR source, else None.
    """

    star = None

    def __init__(self, path, count, height, width, pixel_size=None):
        if count < 1 or height < 1 or width < 1:
            raise InputError(f"{path or 'array'} holds no images: received {count} of {height}x{width} pixels")
        side = min(height, width)
        if height != width:
            LOG.warning("%s: images of %dx%d pixels are centre-cropped to %dx%d", path, height, width, side, side)
        self.path, self.shape, self.pixel_size = path, (side, side), pixel_size
        self._count, self._corner = count, ((height - side) // 2, (width - side) // 2)

    def __len__(self):
        return self._count

    def paths(self):
        """Paths of all files the images come from, for telling whether they changed."""
        if self.path is None:
            return []
        return sorted(part for part in self.path.iterdir() if part.is_file()) if self.path.is_dir() else [self.path]

    def read(self, indices):
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
        return np.ascontiguousarray(self._load(rows)[:, top : top + side, left : left + side], np.float32)

    def _load(self, rows):
        """Uncropped images of valid `rows` (n,): a new array (n, height, width)."""
        raise NotImplementedError


class ArraySource(Source):
    """Images held in memory: (n, height, width) or one image (height, width)."""

    def __init__(self, images, pixel_size=None, path=None):
        images = np.asarray(images)
        images = images[None] if images.ndim == 2 else images
        if images.ndim != 3 or images.dtype.kind not in "biuf":
            raise InputError(f"images: received {images.dtype} of shape {images.shape}, expected real numbers (n, height, width)")
        super().__init__(path, *images.shape, pixel_size)
        self._images = images

    def _load(self, rows):
        return self._images[rows]


def chunks(source, size):
    """Walk through a source that may be larger than memory: yields (slice, images (<= size, height, width))."""
    if size < 1:
        raise InputError(f"chunk size: received {size}, expected at least 1")
    for start in range(0, len(source), size):
        rows = slice(start, min(start + size, len(source)))
        yield rows, source.read(rows)

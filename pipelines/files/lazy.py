"""What every opened path is, whatever its format: an array whose axes have names, read block by block.

::

    array = opening.open_array("tissue.ome.tif")
    array.axes, array.shape, array.dtype     # "ZYX", (500, 4096, 4096), uint16
    array.spacing, array.unit                # {"Z": 40.0, "Y": 8.0, "X": 8.0}, "nm"
    array.read(Z=slice(10, 20))              # (10, 4096, 4096) uint16, as stored
    array.planes([3, 1])                     # the images 3 and 1, whatever the axes before Y and X are called

Letters are those of OME: T time, C channel, Z depth, Y down, X right, S the samples of a colour; and I, images of a series
that have nothing else in common, such as particles. Of a two-dimensional series and of a volume only the letter differs.
"""

import copy
import logging
import math
import os
import pathlib

import numpy as np

from pipelines.errors import InputError

LOG = logging.getLogger(__name__)
ANGSTROM = {"A": 1.0, "pm": 0.01, "nm": 10.0, "um": 1e4, "mm": 1e7, "cm": 1e8, "m": 1e10}
UNITS = {
    "angstrom": "A",
    "å": "A",
    "nanometer": "nm",
    "micron": "um",
    "microns": "um",
    "µm": "um",
    "μm": "um",
    "millimeter": "mm",
}
SAME_PIXEL_SIZE = 0.01  # relative: the border of a box of 128 pixels moves by less than a pixel


class LazyArray:
    """An array that is read on demand; nothing but headers is read before.

    A format derives from it and defines `_planes`; one that can read parts of planes (chunked formats) also `_block`.

    Attributes:
        path: what was opened, `pathlib.Path`, or None for an array in memory.
        axes: a letter an axis, the slowest first; the last are two axes of an image, or these and S.
        shape: int an axis. dtype: as stored, NumPy's.
        spacing: dict from letter to size of a pixel along that axis, empty where unknown. unit: of all of them, a key of
            `ANGSTROM`, or None.
        metadata: dict of what else the file says, by the format's own names.
        files: paths of all files that are read.
        star: the `pipelines.files.star.StarTable` of a table of particles, else None.
    """

    star = None

    def __init__(self, path, axes, shape, dtype, spacing=None, unit=None, metadata=None, files=None):
        self.path = None if path is None else pathlib.Path(path)
        self.axes: str = axes
        self.shape: tuple[int, ...] = tuple(int(side) for side in shape)
        self.dtype = np.dtype(dtype).newbyteorder("=")
        self.spacing: dict[str, float] = dict(spacing or {})
        self.unit: str | None = unit if self.spacing else None
        self.metadata: dict = dict(metadata or {})
        self.files: tuple[str, ...] = tuple(os.fspath(file) for file in (files or ([] if path is None else [path])))
        if len(self.axes) != len(self.shape) or min(self.shape, default=0) < 1:
            raise InputError(f"{path or 'array'} holds no images: its axes {axes!r} have the sizes {self.shape}")

    @property
    def plane_axes(self) -> int:
        """How many of the last axes make one image: 3 with colours, else 2."""
        return 3 if self.axes.endswith("S") else 2

    @property
    def plane_count(self) -> int:
        """How many images there are, all axes before those of an image taken together."""
        return math.prod(self.shape[: -self.plane_axes])

    @property
    def pixel_size(self) -> float | None:
        """Angstrom along X, None where unknown."""
        size = self.spacing.get("X")
        return None if size is None or self.unit not in ANGSTROM else size * ANGSTROM[self.unit]

    def with_pixel_size(self, pixel_size: float) -> "LazyArray":
        """The same with another pixel size, Angstrom: an explicit one wins over the file's, which is told."""
        if self.pixel_size is not None and math.isclose(self.pixel_size, pixel_size, rel_tol=1e-6):
            return self
        if self.pixel_size is not None:
            LOG.warning("%s: a pixel size of %g A as told, not the file's %g A", self.path, pixel_size, self.pixel_size)
        other = copy.copy(self)
        other.spacing, other.unit = {axis: float(pixel_size) for axis in "YX"}, "A"
        return other

    def read(self, **where) -> np.ndarray:
        """A block of the array.

        Args:
            where: a slice or integers (n,) from 0 for each axis of which not all is wanted, by its letter.

        Returns:
            Array with all axes, values and dtype as stored; never a view of the source.

        Raises:
            InputError: an axis that is not there, an index outside, a file that cannot be read.
        """
        unknown = where.keys() - set(self.axes)
        if unknown:
            raise InputError(f"{self.path or 'array'}: received axis {unknown.pop()}, expected one of {', '.join(self.axes)}")
        return self._block([self._index(letter, side, where) for letter, side in zip(self.axes, self.shape, strict=True)])

    def planes(self, numbers) -> np.ndarray:
        """Some images, (n, height, width) or (n, height, width, samples), as stored; numbers (n,) from 0 in any order."""
        return self._planes(np.asarray(numbers, np.int64))

    def _index(self, letter, side, where):
        """Integers (n,) of an axis."""
        wanted = where.get(letter, slice(None))
        if isinstance(wanted, slice):
            return np.arange(*wanted.indices(side))
        wanted = np.atleast_1d(np.asarray(wanted))
        if wanted.dtype.kind not in "iu" or wanted.ndim != 1 or np.any((wanted < 0) | (wanted >= side)):
            raise InputError(
                f"{self.path or 'array'}: received {letter}={wanted}, expected a slice or integers from 0 to {side - 1}"
            )
        return wanted.astype(np.int64)

    def _block(self, index):
        """The block at `index`, an array of integers an axis: planes, of which parts are taken."""
        before = len(self.axes) - self.plane_axes
        outer, inner = index[:before], index[before:]
        numbers = np.ravel_multi_index(np.ix_(*outer), self.shape[:before]).ravel() if outer else np.zeros(1, np.int64)
        block = self._planes(numbers)
        for axis, wanted in enumerate(inner, 1):
            if len(wanted) != block.shape[axis] or np.any(np.diff(wanted) != 1):
                block = np.take(block, wanted, axis)
        return block.reshape(*(len(wanted) for wanted in index))

    def _planes(self, numbers):
        """New array of the images `numbers`, int64 (n,), all of them there."""
        raise NotImplementedError


class MemoryArray(LazyArray):
    """An array that is in memory already."""

    def __init__(self, values, axes, path=None, **about):
        super().__init__(path, axes, values.shape, values.dtype, **about)
        self._values = values.reshape(-1, *values.shape[len(axes) - self.plane_axes :])

    def _planes(self, numbers):
        return self._values[numbers]


def unit_of(text):
    """The key of `ANGSTROM` that a unit's name means, None if it is none of them."""
    text = (text or "").strip()
    known = {key.lower(): key for key in ANGSTROM} | UNITS
    return known.get(text.lower())

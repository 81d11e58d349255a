"""Arrays of files that are stored in chunks of several planes: read slab by slab, so that no chunk is unpacked for each plane."""

import itertools
import math
from collections.abc import Iterable, Iterator

import numpy as np

from pipelines.errors import InputError
from pipelines.files.lazy import LazyArray

MOST = 2**30  # bytes of a slab that is kept; deeper chunks are read in parts, and not written
DEPTH, SIDE = 16, 256  # planes and pixels of the chunks that are written where the source has none
LETTERS = {2: "YX", 3: "ZYX"}  # axes of arrays that do not name theirs


class ChunkedArray(LazyArray):
    """Planes of something that is sliced like an array and knows its `chunks`.

    Args:
        stored: has `shape`, `dtype`, `chunks` (or None) and ``[index]``. The other arguments are those of `LazyArray`; of
            `metadata`, ``chunks`` is kept for what is written in the same form.
    """

    def __init__(self, path, stored, axes, metadata, **about):
        self._stored, self._slab = stored, (None, None)
        metadata = {**metadata, "chunks": tuple(stored.chunks) if stored.chunks else None}
        super().__init__(path, axes, stored.shape, stored.dtype, metadata=metadata, **about)

    def _planes(self, numbers):
        found = np.empty((len(numbers), *self.shape[-self.plane_axes :]), self.dtype)
        for place, number in enumerate(numbers):
            found[place] = self._plane(int(number))
        return found

    def _plane(self, number):
        outer = self.shape[: -self.plane_axes]
        if not outer:
            return self._stored[...]
        *before, last = (int(index) for index in np.unravel_index(number, outer))
        depth = depth_of(self.metadata["chunks"], self.plane_axes)
        part = min(depth, planes_within(MOST, self))
        first = last // depth * depth
        start = first + (last - first) // part * part
        key = (*before, start)
        if self._slab[0] != key:
            self._slab = None, None  # not two of them at a time
            self._slab = key, self._stored[(*before, slice(start, min(start + part, first + depth, outer[-1])))]
        return self._slab[1][last - start]


def depth_of(chunks, plane_axes=2) -> int:
    """Planes that a chunk holds along the axis before a plane's."""
    return 1 if not chunks or len(chunks) <= plane_axes else int(chunks[-plane_axes - 1])


def planes_within(size: int, like: LazyArray) -> int:
    """Planes of an array that so many bytes hold, one at least."""
    return max(1, size // (math.prod(like.shape[-like.plane_axes :]) * like.dtype.itemsize))


def chunks_of(like: LazyArray) -> tuple[int, ...]:
    """Chunks to write an array in: those it was read from, of fewer planes where so many are too much for memory, or our own."""
    known = like.metadata.get("chunks")
    if known and len(known) == len(like.shape):
        chunks = [min(one, side) for one, side in zip(known, like.shape)]
        if len(chunks) > 2:
            chunks[-3] = min(chunks[-3], planes_within(MOST, like))
        return tuple(chunks)
    inner = tuple(min(SIDE, side) for side in like.shape[-2:])
    return (*(1 for _ in like.shape[:-3]), min(DEPTH, like.shape[-3]), *inner) if len(like.shape) > 2 else inner


def write_slabs(stored, planes: Iterable[np.ndarray], like: LazyArray) -> None:
    """Fill what is sliced like an array with the planes of `like`, chunk by chunk along the axis before a plane's."""
    outer, planes = like.shape[:-2], iter(planes)
    if not outer:
        stored[...] = next(planes)
        return
    depth = depth_of(chunks_of(like))
    slab = np.empty((depth, *like.shape[-2:]), like.dtype)
    for before in itertools.product(*(range(side) for side in outer[:-1])):
        for start in range(0, outer[-1], depth):
            part = slab[: outer[-1] - start]
            for place, plane in zip(part, itertools.islice(planes, len(part)), strict=True):
                place[...] = plane
            stored[(*before, slice(start, start + len(part)))] = part


def letters(path, count: int) -> str:
    """Axes of an array that does not name them.

    Raises:
        InputError: more or fewer than an image's or a volume's.
    """
    if count not in LETTERS:
        raise InputError(f"{path}: received an array of {count} axes without names, expected an image or a volume")
    return LETTERS[count]


def named(found: Iterator[str], path, wanted: str, kind: str) -> str:
    """The array to open of those in a file: the one that is wanted, or the only one.

    Raises:
        InputError: it is not there, or there are none or several.
    """
    known = list(found)
    if wanted:
        if wanted.strip("/") not in known:
            raise InputError(f"{path}: holds no array {wanted}, expected {' or '.join(known[:8]) or 'one'}")
        return wanted.strip("/")
    if len(known) != 1:
        shown = ", ".join(known[:8]) or "none"
        raise InputError(
            f"{path}: expected one array of an image or a volume in this {kind} file, found {shown}: say {path}/NAME"
        )
    return known[0]

"""MRC2014 stacks and volumes (.mrc, .mrcs): reading on demand, atomic writing chunk by chunk.

mrcfile maps a file, and a mapped file that is cut while it is in use ends the whole process; its permissive mode allocates
what a random header asks for. Here nothing is mapped, and every promise of the header is checked against the file's size.
mrcfile's writer wants the number of images first, or all of them in memory, and has them there for their statistics.
"""

import bz2
import contextlib
import gzip
import os
import pathlib
import tempfile
import zlib

import numpy as np

from pipelines.errors import InputError
from pipelines.files.atomic import atomic_path
from pipelines.files.mrc_header import HEADER_BYTES, MODES, header_pixel_size, new_header, read_header

UNPACK_BYTES = 2**24
MAGIC = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open}


class MrcStack:
    """The images of one MRC file, either byte order, with or without extended header; read on demand.

    A single 2D image is a stack of 1, a 3D volume the stack of its sections. Files whose header is odd but whose data
    can be found (no ``MAP`` id, wrong machine stamp, more bytes than needed) are read.

    A compressed file (gzip, bzip2) cannot be read at any place: as it is opened, as much of it as the header promises is
    unpacked into a temporary file without name (in `tempfile.gettempdir()`), which is gone with this object or the process.

    Attributes:
        path: the file.
        shape: (images, height, width).
        pixel_size: Angstrom from the header, or None where the header has none.
        header: as NumPy reads it. dtype: of the pixels as stored.

    Raises:
        InputError: no such file, not an MRC file, a mode other than `MODES`, fewer bytes than the header promises, a
            compressed file that is damaged.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        start, opener = _start(self.path)
        order, header = read_header(start, self.path)
        mode = int(header["mode"])
        if mode not in MODES:
            raise InputError(f"{self.path} has MRC mode {mode}, expected one of {MODES}")
        self.shape = tuple(int(header[name]) for name in ("nz", "ny", "nx"))
        self.pixel_size = header_pixel_size(header)
        self.header = header
        self.dtype = np.dtype(MODES[mode]).newbyteorder(order)
        self._offset = HEADER_BYTES + int(header["nsymbt"])
        expected = self._offset + self.shape[0] * self._image_bytes()
        self._unpacked = None if opener is None else _unpack(self.path, opener, expected)
        self._size = _size(self.path) if opener is None else os.fstat(self._unpacked.fileno()).st_size
        if self._size < expected:
            raise InputError(
                f"{self.path} is truncated: expected {expected} bytes for {self.shape[0]} images of "
                f"{self.shape[1]}x{self.shape[2]} {MODES[mode]}, found {self._size}"
            )

    def __len__(self):
        return self.shape[0]

    def __reduce__(self):
        return MrcStack, (self.path,)  # another process opens, and unpacks, the file for itself

    def read(self, rows):
        """Images `rows` (n,) int as float32 (n, height, width). InputError if the file has changed its size since."""
        return np.asarray(self.stored(rows), np.float32)

    def stored(self, rows):
        """As `read`, but of the type that is stored."""
        if self._unpacked is not None:
            return np.memmap(self._unpacked, self.dtype, "r", self._offset, self.shape)[rows]
        # Read, not mapped: where a mapped file is cut while it is in use, the whole process dies of a bus error.
        images = np.empty((len(rows), *self.shape[1:]), self.dtype)
        try:
            with open(self.path, "rb") as file:
                self._check_size(os.fstat(file.fileno()).st_size)
                for begin, end in _runs(rows):
                    file.seek(self._offset + int(rows[begin]) * self._image_bytes())
                    wanted = images[begin:end].reshape(-1).view(np.uint8)
                    if file.readinto(wanted.data) != wanted.size:
                        self._check_size(os.fstat(file.fileno()).st_size)
        except OSError as error:
            raise InputError(f"{self.path} cannot be read any more: {error.strerror}") from error
        return images

    def _image_bytes(self):
        return self.shape[1] * self.shape[2] * self.dtype.itemsize

    def _check_size(self, size):
        if size != self._size:
            raise InputError(f"{self.path} has changed while it is in use: expected {self._size} bytes as before, found {size}")


def _start(path):
    """The first bytes of the content, and what opens a compressed file (None for a plain one)."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        with open(path, "rb") as file:
            start = file.read(HEADER_BYTES)
        opener = None if start[208:211] == b"MAP" else MAGIC.get(start[:2])
        if opener is None:
            return start, None
        with opener(path) as file:
            return file.read(HEADER_BYTES), opener
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def _unpack(path, opener, expected):
    """A temporary file with the first `expected` bytes of the content, fewer if there are no more."""
    unpacked = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as its stack
    try:
        with opener(path) as file:
            while expected > 0 and (part := file.read(min(expected, UNPACK_BYTES))):
                unpacked.write(part)
                expected -= len(part)
            while file.read(UNPACK_BYTES):
                pass  # on to the end, where the content is checked against its sum
        unpacked.flush()
    except (OSError, EOFError, zlib.error) as error:
        unpacked.close()
        raise InputError(f"{path} cannot be read: {error}") from error
    return unpacked


def _size(path):
    try:
        return path.stat().st_size
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _runs(rows):
    """(begin, end) of the stretches of `rows` whose images follow each other in the file."""
    ends = np.flatnonzero(np.diff(rows) != 1) + 1
    return zip([0, *ends], [*ends, len(rows)], strict=True) if len(rows) else ()


@contextlib.contextmanager
def mrc_writer(path, pixel_size=None, dtype="float32", volume=False, remark=""):
    """Write a stack or a volume of any length chunk by chunk; the file appears under its name when all is written.

    ::

        with mrc_writer("aligned.mrcs", pixel_size=2.2) as append:
            for ...:
                append(images)  # (n, height, width) or (height, width)

    Args:
        path: ends with .mrc or .mrcs. pixel_size: Angstrom, or (x, y, z); None if unknown (0 in the header).
        dtype: what is stored, one of `mrc_header.MODES`. volume: whether the images are sections of one. remark: for the labels.

    Raises:
        InputError: path cannot be written or has another ending, no images, images of different sizes.
    """
    if pathlib.Path(path).suffix.lower() not in (".mrc", ".mrcs"):
        raise InputError(f"cannot write {path}: expected a name that ends with .mrc or .mrcs")
    with atomic_path(path) as part:
        stack = _Growing(path, np.dtype(dtype).newbyteorder("<"))
        with open(part, "wb") as file:
            stack.start(file)
            yield stack.append
            voxel = tuple(pixel_size) if np.ndim(pixel_size) else (pixel_size or 0.0,) * 3
            stack.finish(voxel, volume, remark)


def write_mrc(path, images, pixel_size=None):
    """Write images (n, height, width), or one (height, width), as a float32 stack. See `mrc_writer`."""
    with mrc_writer(path, pixel_size) as append:
        append(images)


class _Growing:
    """A stack under way: data go behind room left for the header, which is known only at the end."""

    def __init__(self, path, dtype):
        self._path, self._dtype, self._file = path, dtype, None
        self._shape, self._count = None, 0
        self._low, self._high, self._sum, self._square = np.inf, -np.inf, 0.0, 0.0

    def start(self, file):
        self._file = file
        file.seek(HEADER_BYTES)

    def append(self, images):
        images = np.asarray(images, self._dtype)
        images = images[None] if images.ndim == 2 else images
        expected = self._shape or images.shape[1:]
        if images.ndim != 3 or images.shape[1:] != expected:
            raise InputError(f"{self._path}: received images {images.shape}, expected (n, height, width), all like {expected}")
        if images.size == 0:
            return
        self._file.write(np.ascontiguousarray(images).data)
        self._shape = images.shape[1:]
        self._count += len(images)
        self._low = np.minimum(self._low, images.min())
        self._high = np.maximum(self._high, images.max())
        self._sum += images.sum(dtype=np.float64)
        self._square += np.square(images, dtype=np.float64).sum()

    def finish(self, voxel, volume, remark):
        if not self._count:
            raise InputError(f"{self._path}: no images to write")
        mean = self._sum / (self._count * self._shape[0] * self._shape[1])
        square = self._square / (self._count * self._shape[0] * self._shape[1])
        with np.errstate(invalid="ignore"):  # infinite less infinite
            statistics = self._low, self._high, mean, np.sqrt(np.maximum(square - mean**2, 0.0))
        if not np.isfinite(statistics).all():
            statistics = 0.0, -1.0, -2.0, -1.0  # the format's way to say "not determined"
        self._file.seek(0)
        header = new_header((self._count, *self._shape), self._dtype, voxel, volume, statistics, remark)
        self._file.write(header.tobytes())

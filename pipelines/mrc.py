"""MRC2014 stacks (.mrc, .mrcs): lazy reading, atomic writing."""

import bz2
import contextlib
import gzip
import pathlib
import zlib

import mrcfile
import numpy as np

from pipelines.atomic import atomic_path
from pipelines.errors import InputError

HEADER_BYTES = 1024
MODES = {0: "int8", 1: "int16", 2: "float32", 6: "uint16", 12: "float16"}
MAGIC = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open}


class MrcStack:
    """The images of one MRC file, either byte order, with or without extended header; read on demand.

    A single 2D image is a stack of 1, a 3D volume the stack of its sections. Files whose header is odd but whose data
    can be found (no ``MAP`` id, wrong machine stamp) are read. Compressed files (gzip, bzip2) are held in memory.

    Attributes:
        path: the file.
        shape: (images, height, width).
        pixel_size: Angstrom from the header, or None where the header has none.

    Raises:
        InputError: no such file, not an MRC file, a mode other than `MODES`, fewer bytes than the header promises.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        content, start = _open(self.path)
        order, header = _read_header(start, self.path)
        mode = int(header["mode"])
        if mode not in MODES:
            raise InputError(f"{self.path} has MRC mode {mode}, expected one of {MODES}")
        self.shape = tuple(int(header[name]) for name in ("nz", "ny", "nx"))
        self.pixel_size = _pixel_size(header)
        self._dtype = np.dtype(MODES[mode]).newbyteorder(order)
        self._offset = HEADER_BYTES + int(header["nsymbt"])
        pixels = self.shape[0] * self.shape[1] * self.shape[2]
        expected = self._offset + pixels * self._dtype.itemsize
        actual = self.path.stat().st_size if content is None else len(content)
        if actual < expected:
            raise InputError(
                f"{self.path} is truncated: expected {expected} bytes for {self.shape[0]} images of "
                f"{self.shape[1]}x{self.shape[2]} {MODES[mode]}, found {actual}"
            )
        self._data = None
        if content is not None:
            self._data = np.frombuffer(content, self._dtype, pixels, self._offset).reshape(self.shape)

    def __len__(self):
        return self.shape[0]

    def read(self, rows):
        """Images `rows` (n,) int as float32 (n, height, width)."""
        data = self._data
        if data is None:
            # Mapped anew for each call: a map kept open would leave every page ever read in the resident memory.
            data = np.memmap(self.path, self._dtype, "r", self._offset, self.shape)
        return np.asarray(data[rows], np.float32)


def _open(path):
    """(whole content of a compressed file, else None; the first 1024 bytes)."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        with open(path, "rb") as file:
            start = file.read(HEADER_BYTES)
        opener = None if start[208:211] == b"MAP" else MAGIC.get(start[:2])
        if opener is None:
            return None, start
        with opener(path) as file:
            content = file.read()
        return content, content[:HEADER_BYTES]
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def _read_header(start, path):
    """Byte order and header: the order of the machine stamp if its sizes make sense so, else the other one.

    mrcfile's own permissive reader is not used: on a file that is no MRC it allocates what a random header asks for.
    """
    if len(start) < HEADER_BYTES:
        raise InputError(f"{path} is not an MRC file: {len(start)} bytes are fewer than its header's {HEADER_BYTES}")
    for order in "><" if start[212:214] == b"\x11\x11" else "<>":
        header = np.frombuffer(start, mrcfile.dtypes.HEADER_DTYPE.newbyteorder(order))[0]
        sides = int(header["nx"]), int(header["ny"])
        if min(sides) >= 1 and max(sides) < 2**16 and header["nz"] >= 1 and header["nsymbt"] >= 0:
            return order, header
    raise InputError(f"{path} is not an MRC file: neither byte order gives it a positive size")


def _pixel_size(header):
    """Cell size over sampling along x; None unless positive and finite."""
    cell, samples = float(header["cella"]["x"]), int(header["mx"])
    size = cell / samples if samples > 0 else 0.0
    return size if np.isfinite(size) and size > 0 else None


@contextlib.contextmanager
def mrc_writer(path, pixel_size=None):
    """Write a float32 stack of any length chunk by chunk; the file appears under its name when all is written.

    ::

        with mrc_writer("aligned.mrcs", pixel_size=2.2) as append:
            for ...:
                append(images)  # (n, height, width) or (height, width)

    Args:
        path: ends with .mrc or .mrcs. pixel_size: Angstrom, None if unknown (0 in the header).

    Raises:
        InputError: path cannot be written or has another ending, no images, images of different sizes.
    """
    if pathlib.Path(path).suffix.lower() not in (".mrc", ".mrcs"):
        raise InputError(f"cannot write {path}: expected a name that ends with .mrc or .mrcs")
    with atomic_path(path) as part:
        stack = _Growing(path)
        with open(part, "wb") as file:
            stack.start(file)
            yield stack.append
            stack.finish(pixel_size)


def write_mrc(path, images, pixel_size=None):
    """Write images (n, height, width), or one (height, width), as a float32 stack. See `mrc_writer`."""
    with mrc_writer(path, pixel_size) as append:
        append(images)


class _Growing:
    """A stack under way: data go behind room left for the header, which is known only at the end."""

    def __init__(self, path):
        self._path, self._file = path, None
        self._shape, self._count = None, 0
        self._low, self._high, self._sum, self._square = np.inf, -np.inf, 0.0, 0.0

    def start(self, file):
        self._file = file
        file.seek(HEADER_BYTES)

    def append(self, images):
        images = np.asarray(images, "<f4")
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

    def finish(self, pixel_size):
        if not self._count:
            raise InputError(f"{self._path}: no images to write")
        mean = self._sum / (self._count * self._shape[0] * self._shape[1])
        square = self._square / (self._count * self._shape[0] * self._shape[1])
        statistics = self._low, self._high, mean, np.sqrt(np.maximum(square - mean**2, 0.0))
        if not np.isfinite(statistics).all():
            statistics = 0.0, -1.0, -2.0, -1.0  # the format's way to say "not determined"
        self._file.seek(0)
        self._file.write(_header(self._count, *self._shape, pixel_size, statistics).tobytes())


def _header(count, height, width, pixel_size, statistics):
    """Little-endian MRC2014 header of a stack of 2D images of float32; statistics: (min, max, mean, rms)."""
    header = np.zeros((), mrcfile.dtypes.HEADER_DTYPE.newbyteorder("<"))
    header["nx"], header["ny"], header["nz"], header["mode"] = width, height, count, 2
    header["mx"], header["my"], header["mz"] = width, height, 1  # mz = 1 and space group 0: images, not a volume
    pixel_size = pixel_size or 0.0
    header["cella"] = (width * pixel_size, height * pixel_size, pixel_size)
    header["cellb"] = (90.0, 90.0, 90.0)
    header["mapc"], header["mapr"], header["maps"] = 1, 2, 3
    header["dmin"], header["dmax"], header["dmean"], header["rms"] = statistics
    header["map"], header["machst"], header["nversion"] = b"MAP ", (0x44, 0x44, 0, 0), 20140
    return header

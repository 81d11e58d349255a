"""Which files of a folder are photos, told from headers (by Pillow) and last bytes: a folder of 100,000 opens in seconds."""

import dataclasses
import os

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from pipelines.errors import InputError

SUFFIXES = (".jpg", ".jpeg", ".png")
# How a file begins -> what reads its header (not `Image.open`, which refuses large pictures), and what stands at its end.
FORMATS = {b"\xff\xd8": (JpegImageFile, b"\xff\xd9"), b"\x89P": (PngImageFile, b"IEND")}


@dataclasses.dataclass(frozen=True)
class PhotoFiles:
    """The usable photos of a folder, and how many others there were."""

    paths: tuple
    unreadable: int
    too_small: int

    def notice(self):
        """One line about what was skipped, or an empty string."""
        if not self.unreadable + self.too_small:
            return ""
        total = len(self.paths) + self.unreadable + self.too_small
        skipped = self.unreadable + self.too_small
        return f"skipped {skipped} of {total} photos: {self.unreadable} unreadable, {self.too_small} too small"


def find_photos(folder, shortest):
    """All JPEG and PNG files below a folder whose short side is at least `shortest` pixels, sorted by path.

    Files cut short or of another content are counted as unreadable. (Damage inside a file shows only when it is decoded.)

    Raises:
        InputError: no such folder, no photo in it, or none usable; the message says which.
    """
    if not os.path.isdir(folder):
        raise InputError(f"{folder}: expected a folder of photos")
    paths = sorted(
        os.path.join(root, name)
        for root, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(SUFFIXES) and not name.startswith(".")
    )
    if not paths:
        raise InputError(f"{folder}: no photos, expected files named {' '.join('*' + suffix for suffix in SUFFIXES)}")
    sizes = np.array([photo_size(path) or (0, 0) for path in paths])  # (files, 2)
    readable = sizes.min(1) > 0
    usable = sizes.min(1) >= shortest
    if not usable.any():
        raise InputError(
            f"{folder}: none of {len(paths)} photos can be used: {np.sum(~readable)} unreadable, "
            f"{np.sum(readable)} with a short side below {shortest} pixels"
        )
    kept = tuple(path for path, good in zip(paths, usable) if good)
    return PhotoFiles(kept, int(np.sum(~readable)), int(np.sum(readable & ~usable)))


def photo_size(path):
    """(width, height) from the header of a whole JPEG or PNG file; None where it is neither, or cut short."""
    try:
        with open(path, "rb") as file:
            start = file.read(2)
            if start not in FORMATS:
                return None
            kind, end = FORMATS[start]
            file.seek(max(0, os.fstat(file.fileno()).st_size - 64))
            if end not in file.read():
                return None
            file.seek(0)
            return kind(file).size
    except (OSError, SyntaxError, ValueError):  # Pillow calls a damaged header a syntax error
        return None

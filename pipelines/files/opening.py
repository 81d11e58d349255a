"""One way in for every kind of image input: `open_source`."""

import pathlib

import numpy as np

from pipelines.errors import InputError
from pipelines.files import image_files
from pipelines.files.cryosparc import read_cs
from pipelines.files.mrc import MrcStack
from pipelines.files.source import ArraySource, Source, chunks
from pipelines.files.star import read_star
from pipelines.files.star_images import StarSource

__all__ = ["ArraySource", "MrcSource", "Source", "chunks", "open_source"]

MRC_SUFFIXES = (".mrc", ".mrcs", ".map", ".st")
COMPRESSED = (".gz", ".bz2")
TABLES = {".star": read_star, ".cs": read_cs}


class MrcSource(Source):
    """The images of one MRC file."""

    def __init__(self, path, pixel_size=None):
        self._stack = MrcStack(path)
        super().__init__(pathlib.Path(path), *self._stack.shape, self._stack.pixel_size or pixel_size)

    def _load(self, rows):
        return self._stack.read(rows)


def open_source(path, pixel_size=None):
    """Open images of any kind; nothing but headers is read (single pictures are read whole, compressed stacks unpacked).

    Args:
        path: an MRC stack (.mrc, .mrcs, .map, .st, also with .gz or .bz2), a RELION .star or cryoSPARC .cs file, a folder of
            PNG, JPEG or TIFF files, or one such file (a TIFF of several pages is a stack).
        pixel_size: Angstrom, taken where neither the table (.star, .cs) nor the MRC header has one.

    Returns:
        A `pipelines.files.source.Source`: ``len()``, ``.shape``, ``.pixel_size``, ``.path``, ``.star``, ``.read(indices)``.

    Raises:
        InputError: nothing there, an unknown kind of file, or one that cannot be read.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        return image_files.FolderSource(path, pixel_size)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    suffix = path.suffix.lower()
    if suffix in COMPRESSED:
        suffix = pathlib.Path(path.stem).suffix.lower()
    if suffix in MRC_SUFFIXES:
        return MrcSource(path, pixel_size)
    suffix = path.suffix.lower()
    if suffix in TABLES:
        return StarSource(TABLES[suffix](path), pixel_size)
    if suffix in image_files.SUFFIXES:
        return _single(path, pixel_size)
    known = (*MRC_SUFFIXES, *TABLES, *image_files.SUFFIXES)
    raise InputError(f"{path}: unknown kind of file, expected a folder or a name that ends with {', '.join(known)}")


def _single(path, pixel_size):
    """The pages of one image file, all brought to the size of the first where they differ."""
    pages = image_files.read_pages(path)
    if len({page.shape for page in pages}) > 1:
        pages = [image_files.fit_square(page, min(pages[0].shape)) for page in pages]
    return ArraySource(np.stack(pages), pixel_size, path)

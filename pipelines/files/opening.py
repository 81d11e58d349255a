"""One way in for every kind of image input: what opens this suffix.

To add a format, write its file with a `pipelines.files.lazy.LazyArray` and enter it in `OPENERS`.
"""

import os
import pathlib

from pipelines.errors import InputError
from pipelines.files import hdf5, image_files, inside, ome_zarr, tiff, video
from pipelines.files.cryosparc import read_cs
from pipelines.files.gallery import Gallery, picture_paths
from pipelines.files.grey import grey
from pipelines.files.lazy import LazyArray
from pipelines.files.mrc_array import MrcArray
from pipelines.files.source import ArraySource, Source, chunks
from pipelines.files.star import read_star
from pipelines.files.star_images import StarArray

__all__ = ["OPENERS", "ArraySource", "LazyArray", "Source", "chunks", "open_array", "open_source"]

# Suffix -> function from a path to a `LazyArray`.
OPENERS = {
    **dict.fromkeys((".mrc", ".mrcs", ".map", ".st"), MrcArray),
    ".star": lambda path: StarArray(read_star(path)),
    ".cs": lambda path: StarArray(read_cs(path)),
    **dict.fromkeys(image_files.SUFFIXES, image_files.PictureFile),
    **dict.fromkeys(tiff.SUFFIXES, tiff.open_tiff),
    **dict.fromkeys(video.SUFFIXES, video.Video),
    **dict.fromkeys(hdf5.SUFFIXES, hdf5.Hdf5Array),
    **dict.fromkeys(ome_zarr.SUFFIXES, ome_zarr.ZarrArray),
}
COMPRESSED = (".gz", ".bz2")  # of MRC files, which unpack them
PICTURES = (*image_files.SUFFIXES, *tiff.SUFFIXES)  # what a folder is searched for


def open_array(path: str | os.PathLike) -> LazyArray:
    """Open images or a volume of any kind; nothing but headers is read (pictures are read whole, compressed MRC files unpacked).

    Args:
        path: an MRC stack or volume (.mrc, .mrcs, .map, .st, also with .gz or .bz2), a RELION .star or cryoSPARC .cs file, a
            PNG, JPEG or TIFF file, a video (.avi, .mp4, .mov, .mkv), an HDF5 file (``file.h5/name`` where it holds several
            arrays), an OME-Zarr folder, or a folder of pictures.

    Raises:
        InputError: nothing there, an unknown kind of file, or one that cannot be read.
    """
    path = pathlib.Path(path)
    file, name = inside.split(path)
    suffix = file.suffix.lower()
    if path.is_dir() and suffix not in ome_zarr.SUFFIXES:
        return Folder(path)
    if not path.exists() and not name:
        raise InputError(f"{path}: no such file or folder")
    if suffix in COMPRESSED and OPENERS.get(pathlib.Path(path.stem).suffix.lower()) is MrcArray:
        return MrcArray(path)
    if suffix not in OPENERS:
        raise InputError(f"{path}: unknown kind of file, expected a folder or a name that ends with {', '.join(OPENERS)}")
    return OPENERS[suffix](path)


def open_source(path: str | os.PathLike, pixel_size: float | None = None) -> Source:
    """Open images of any kind as square grey ones, see `open_array`.

    Args:
        path: see `open_array`. pixel_size: Angstrom, in place of what the file says.

    Returns:
        A `pipelines.files.source.Source`: ``len()``, ``.shape``, ``.pixel_size``, ``.path``, ``.star``, ``.read(indices)``.
    """
    return Source(open_array(path), pixel_size)


class Folder(Gallery):
    """The pictures of a folder in the order of their names."""

    def __init__(self, path: str | os.PathLike):
        files = picture_paths(path, PICTURES)
        self._paths = files
        super().__init__(path, len(files), files)

    def _image(self, number):
        array = OPENERS[self._paths[number].suffix.lower()](self._paths[number])
        image = array.planes([0])[0]
        return grey(image, self._paths[number]) if array.plane_axes == 3 else image

"""Pictures of any size and kind as one series: a folder of them, or the unequal pages of a file."""

import pathlib

import numpy as np

from pipelines.errors import InputError
from pipelines.files.grey import framed
from pipelines.files.lazy import LazyArray


class Gallery(LazyArray):
    """Pictures as a series "IYX" of grey float32 images, each decoded when it is read.

    The first image decides the size: one of another size is cropped to its largest central square and resampled.
    A subclass defines `_image`.
    """

    def __init__(self, path, count, files):
        super().__init__(path, "IYX", (count, *self._image(0).shape), np.float32, files=files)

    def _planes(self, numbers):
        images = [framed(np.asarray(self._image(number), np.float32), self.shape[1:]) for number in numbers]
        return np.stack(images) if images else np.empty((0, *self.shape[1:]), np.float32)

    def _image(self, number):
        """The grey image `number`, (height, width)."""
        raise NotImplementedError


def picture_paths(folder, suffixes):
    """Sorted paths of the pictures in a folder (not in its subfolders). InputError if there are none."""
    folder = pathlib.Path(folder)
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in suffixes and not p.name.startswith("."))
    if not files:
        raise InputError(f"{folder}: no images found, expected files that end with {', '.join(suffixes)}")
    return files

"""An MRC file as an array with named axes: a stack of images, a volume, or a stack of volumes."""

import pathlib

import numpy as np

from pipelines.files.lazy import LazyArray
from pipelines.files.mrc import MrcStack
from pipelines.files.mrc_header import header_axes, header_spacing, header_text


class MrcArray(LazyArray):
    """An MRC file as a `LazyArray`: "IYX" for images, "ZYX" for a volume, "IZYX" for several, in the header's order."""

    def __init__(self, path):
        self._stack = stack = MrcStack(path)
        axes, shape = header_axes(stack.header, pathlib.Path(path))
        about = {"spacing": header_spacing(stack.header, axes), "unit": "A", "metadata": header_text(stack.header)}
        super().__init__(path, axes, shape, stack.dtype, **about)

    def _planes(self, numbers):
        return np.array(self._stack.stored(numbers), self.dtype)

"""An opened file as a series of pictures: which axis is time, what is aligned by, what moves with it."""

import numpy as np

from pipelines.errors import InputError
from pipelines.files.grey import grey
from pipelines.files.lazy import LazyArray

STEPS = "TIZ"  # the first of these axes that has more than one picture is the series'


class Movie:
    """A file's pictures, each perhaps of several channels and depths, which move together.

    Args:
        array: `LazyArray`. channel: that is aligned by, from 1; None: the first, or colours as luminance.
        single: whether it is one picture, whatever axes it has besides channels and depth.

    Attributes:
        array: as given. axis: letter of the series' axis, or None. count: pictures. size: (height, width).

    Raises:
        InputError: a channel that is not there, or several pictures where there must be one.
    """

    def __init__(self, array: LazyArray, channel: int | None = None, single: bool = False):
        self.array = array
        before = array.axes[: -array.plane_axes]
        sides = dict(zip(before, array.shape))
        self.axis = next((letter for letter in STEPS if sides.get(letter, 1) > 1), None)
        if single and self.axis in ("T", "I"):
            raise InputError(f"{array.path} holds {sides[self.axis]} pictures: expected one; register a series by itself")
        self.axis = None if single else self.axis
        self.count = sides.get(self.axis, 1)
        self.size = array.shape[len(before) : len(before) + 2]
        channels = sides.get("C", array.shape[-1] if array.plane_axes == 3 else 1)
        if channel is not None and not 1 <= channel <= channels:
            raise InputError(f"--channel {channel}: expected 1 to {channels}, the channels of {array.path}")
        self.channel = channel
        numbers = np.arange(array.plane_count).reshape(array.shape[: len(before)])
        place = before.index(self.axis) if self.axis else None
        self.numbers = numbers.reshape(1, -1) if place is None else np.moveaxis(numbers, place, 0).reshape(self.count, -1)
        if "C" in sides:
            numbers = np.take(numbers, [(channel or 1) - 1], before.index("C"))
        self._guides = numbers.reshape(1, -1) if place is None else np.moveaxis(numbers, place, 0).reshape(self.count, -1)

    def picture(self, index: int) -> np.ndarray:
        """The picture (height, width) that is aligned by: the mean over the depths of one channel."""
        planes = self.array.planes(self._guides[index])
        if self.array.plane_axes == 3:
            planes = planes[..., self.channel - 1] if self.channel else grey(planes, self.array.path)
        return planes[0] if len(planes) == 1 else planes.mean(0, dtype=np.float32)

    @property
    def pictures_of_planes(self) -> np.ndarray:
        """Index of the picture that each plane of the array belongs to, (plane_count,)."""
        found = np.empty(self.array.plane_count, np.int64)
        for index, numbers in enumerate(self.numbers):
            found[numbers] = index
        return found

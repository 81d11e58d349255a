"""A picture at its own resolution and at halves of it, of which any patch can be had."""

import cv2
import numpy as np

from pipelines.errors import InputError

SMALLEST = 16  # pixels, the shorter side of a picture that is registered
STRIP = 512  # rows that are reduced at a time


class Pyramid:
    """A grey picture and its reductions by 2, 4, 8 ..., each the mean of two by two pixels.

    Pixel i of level n covers the pixels ``2^n i`` to ``2^n (i + 1) - 1`` of the picture; what is left over at the right and at
    the bottom is not in it.

    Args:
        image: real (height, width), of any type; it is kept as it is, and only patches of it are converted.
        name: of it, for messages.

    Attributes:
        levels: arrays (height, width), the first as given, the others float32 less `offset`. offset: about the picture's mean.

    Raises:
        InputError: not a picture, too small, constant, or with numbers that are not finite.
    """

    def __init__(self, image: np.ndarray, name: str = "picture"):
        image = np.asarray(image)
        if image.ndim != 2 or image.dtype.kind not in "biuf" or min(image.shape) < SMALLEST:
            raise InputError(
                f"{name}: received {image.dtype} of shape {image.shape}, expected real numbers (height, width), "
                f"{SMALLEST} pixels or more each way"
            )
        self.levels, self.offset = [image], float(np.mean(image[::7, ::7], dtype=np.float64))
        self.deviation = self._deviation(name)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the picture."""
        return self.levels[0].shape

    def level(self, number: int) -> np.ndarray:
        """The array of a level; those that are not there yet are made."""
        while len(self.levels) <= number:
            self.levels.append(self._halved(len(self.levels) - 1))
        return self.levels[number]

    def patch(self, number: int, left: int, top: int, size: tuple[int, int]) -> np.ndarray:
        """Pixels float32 (height, width) of a level less the offset, those outside as the nearest inside."""
        array = self.level(number)
        rows, columns = (np.clip((start, start + side), 0, full) for start, side, full in zip((top, left), size, array.shape))
        rows[1], columns[1] = max(rows[1], rows[0] + 1), max(columns[1], columns[0] + 1)
        rows, columns = (np.minimum(pair, (full - 1, full)) for pair, full in ((rows, array.shape[0]), (columns, array.shape[1])))
        found = self._converted(array[rows[0] : rows[1], columns[0] : columns[1]], number)
        if found.shape == size:
            return found
        before = [max(0, -top), max(0, -left)]
        before = [min(one, side - part) for one, side, part in zip(before, size, found.shape)]
        around = [(one, side - part - one) for one, side, part in zip(before, size, found.shape)]
        return np.pad(found, around, mode="edge")

    def _converted(self, part, number):
        return part if number else (part - self.offset).astype(np.float32)

    def _halved(self, number):
        array = self.level(number)
        height, width = (side // 2 for side in array.shape)
        half = np.empty((height, width), np.float32)
        for top in range(0, height, STRIP):
            part = self._converted(array[2 * top : 2 * min(top + STRIP, height), : 2 * width], number)
            half[top : top + STRIP] = cv2.resize(part, (width, len(part) // 2), interpolation=cv2.INTER_AREA)
        return half

    def _deviation(self, name):
        """Standard deviation of the picture, by strips; InputError where it says nothing."""
        total = count = 0.0
        for top in range(0, self.size[0], STRIP):
            part = self._converted(self.levels[0][top : top + STRIP], 0)
            total, count = total + np.array([part.sum(dtype=np.float64), np.vdot(part, part)]), count + part.size
        mean, square = total / count
        if not np.isfinite(square):
            raise InputError(f"{name} has values that are not finite (NaN or infinity): expected a picture")
        if square - mean**2 <= 1e-12 * (square + self.offset**2):
            raise InputError(f"{name} is constant: expected a picture")
        return float(np.sqrt(square - mean**2))

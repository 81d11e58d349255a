"""What networks see of the sections around one, and in what grey values."""

import dataclasses
from collections.abc import Iterable

import numpy as np

from pipelines.errors import InputError
from udl_tf.volumes.between import halfway


@dataclasses.dataclass(frozen=True)
class Scale:
    """Grey values and what networks see: mean 0, standard deviation 1 over the volume."""

    level: float
    spread: float

    @classmethod
    def of(cls, sections: Iterable[np.ndarray]) -> "Scale":
        """That of some sections (height, width).

        Raises:
            InputError: they are constant.
        """
        moments = np.array([(one.mean(dtype=np.float64), np.square(one, dtype=np.float64).mean()) for one in sections])
        level, square = moments.mean(0)
        variance = square - level**2
        if not variance > 0.0:
            raise InputError("sections of one grey value: expected some that show something")
        return cls(float(level), float(np.sqrt(variance)))

    def normal(self, values: np.ndarray) -> np.ndarray:
        """Grey values as networks see them, float32."""
        return (np.float32(values) - np.float32(self.level)) / np.float32(self.spread)

    def grey(self, values: np.ndarray) -> np.ndarray:
        """The grey values, float32, of what networks tell."""
        return np.float32(values) * np.float32(self.spread) + np.float32(self.level)


def _as_they_are(before, after):
    return np.stack([before, after], -1)


FRONTS = {"none": _as_they_are, "flow": halfway}


def slices_of(before: np.ndarray, after: np.ndarray, front: str) -> np.ndarray:
    """The slices (height, width, 2) of two sections (height, width), as a network with this front sees them."""
    return FRONTS[front](before, after)

"""What networks see of the sections around one, and in what grey values."""

import collections
import dataclasses
from collections.abc import Callable, Collection, Iterable, Sequence

import numpy as np

from pipelines.errors import InputError
from udl_tf.volumes.between import halfway

SEEN = 32  # sections, whose grey values stand for a volume's


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

    @classmethod
    def of_volume(cls, read: Callable[[int], np.ndarray], count: int, but: Collection[int] = ()) -> "Scale":
        """That of some sections, spread over the volume, those left out `but` which are not good; see `of`."""
        good = [number for number in range(count) if number not in but] or [0]
        return cls.of(read(good[k]) for k in np.unique(np.linspace(0, len(good) - 1, SEEN).astype(int)))

    def normal(self, values: np.ndarray) -> np.ndarray:
        """Grey values as networks see them, float32."""
        return (np.float32(values) - np.float32(self.level)) / np.float32(self.spread)

    def grey(self, values: np.ndarray) -> np.ndarray:
        """The grey values, float32, of what networks tell."""
        return np.float32(values) * np.float32(self.spread) + np.float32(self.level)


def _as_they_are(before, after):
    return np.stack([before, after], -1)


def _wide(second_before, before, after, second_after):
    moved = halfway(before, after)
    return np.stack([second_before, before, moved[..., 0], moved[..., 1], after, second_after], -1)


# Sections on each side, how many slices are made of them, and the function that does it; the slices backwards are those of the
# sections backwards.
Front = collections.namedtuple("Front", "reach slices make")
FRONTS = {"none": Front(1, 2, _as_they_are), "flow": Front(1, 2, halfway), "wide": Front(2, 6, _wide)}


def around(number: int, front: str) -> list[int]:
    """Numbers of the sections that a network with this front sees to make one."""
    reach = FRONTS[front].reach
    return [number + k for k in range(-reach, reach + 1) if k]


def slices_of(sections: Sequence[np.ndarray], front: str) -> np.ndarray:
    """The slices (height, width, slices) of the sections (height, width) around one, as a network with this front sees them."""
    return np.float32(FRONTS[front].make(*sections))

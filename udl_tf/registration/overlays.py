"""A registered pair in one picture, for eyes: both in turn, in two colours, what is left between them, how a grid is bent."""

import dataclasses

import numpy as np

from pipelines.files.grey import grey

FIELDS = 8  # of a checkerboard, along the longer side
LINES = 16  # of a grid, along the longer side
LINE = 255, 200, 0  # their colour: red, green, blue
LOW, HIGH = 0.5, 99.5  # percentiles of a picture that become black and white


@dataclasses.dataclass(frozen=True)
class Seen:
    """What there is to see of a pair.

    Attributes:
        fixed, before, moved: pictures (height, width) or with samples: that stays; the other one, centre on centre; as it was
            moved. places: float32 (height, width, 2), pixels (x, y) of the moving picture where those of the fixed one are found.
    """

    fixed: np.ndarray
    before: np.ndarray
    moved: np.ndarray
    places: np.ndarray


def checkerboard(seen: Seen) -> np.ndarray:
    """Fields of both pictures in turn, uint8 (height, width)."""
    height, width = seen.fixed.shape[:2]
    side = -(-max(height, width) // FIELDS)
    y, x = np.ogrid[:height, :width]
    return np.where((x // side + y // side) % 2 == 0, _levels(seen.fixed), _levels(seen.moved))


def red_green(seen: Seen) -> np.ndarray:
    """The fixed picture in red, the moved one in green, uint8 (height, width, 3): yellow where they agree."""
    red, green = _levels(seen.fixed), _levels(seen.moved)
    return np.stack([red, green, np.zeros_like(red)], -1)


def difference(seen: Seen) -> np.ndarray:
    """What the fixed picture has more than the other, before (left) and after (right), uint8 (height, 2 width): grey is none."""
    fixed = _levels(seen.fixed).astype(np.float64)
    both = np.concatenate([fixed - _levels(other) for other in (seen.before, seen.moved)], 1)
    return np.clip(np.round(127.5 + both / 2.0), 0, 255).astype(np.uint8)


def grid(seen: Seen) -> np.ndarray:
    """The moved picture under a grid that was drawn on it before it was moved, uint8 (height, width, 3)."""
    picture = np.repeat(_levels(seen.moved)[..., None], 3, -1)
    apart = max(max(seen.fixed.shape[:2]) / LINES, 2.0)
    cell = np.floor(seen.places / apart)  # changes where a line passes between two pixels
    line = np.zeros(picture.shape[:2], bool)
    line[:, 1:] |= (cell[:, 1:] != cell[:, :-1]).any(-1)
    line[1:] |= (cell[1:] != cell[:-1]).any(-1)
    picture[line] = LINE
    return picture


def _levels(picture):
    """A picture (height, width) or (height, width, samples) as grey levels 0 to 255."""
    picture = grey(picture) if picture.ndim == 3 else picture.astype(np.float64)
    low, high = np.percentile(picture, [LOW, HIGH])
    return np.clip(np.round((picture - low) * (255.0 / max(high - low, 1e-12))), 0, 255).astype(np.uint8)


OVERLAYS = {"checkerboard": checkerboard, "red-green": red_green, "difference": difference, "grid": grid}

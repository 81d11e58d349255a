"""Two registered pictures in one, for eyes: fields of a checkerboard in turn, or one in red and the other in green."""

import numpy as np

from pipelines.files.grey import grey

FIELDS = 8  # along the longer side
LOW, HIGH = 0.5, 99.5  # percentiles of a picture that become black and white


def checkerboard(fixed: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Fields of both pictures in turn, uint8 (height, width)."""
    side = -(-max(fixed.shape[:2]) // FIELDS)
    y, x = np.ogrid[: fixed.shape[0], : fixed.shape[1]]
    return np.where((x // side + y // side) % 2 == 0, _levels(fixed), _levels(moved))


def red_green(fixed: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """The fixed picture in red, the moved one in green, uint8 (height, width, 3): yellow where they agree."""
    red, green = _levels(fixed), _levels(moved)
    return np.stack([red, green, np.zeros_like(red)], -1)


def _levels(picture):
    """A picture (height, width) or (height, width, samples) as grey levels 0 to 255."""
    picture = grey(picture) if picture.ndim == 3 else picture.astype(np.float64)
    low, high = np.percentile(picture, [LOW, HIGH])
    return np.clip(np.round((picture - low) * (255.0 / max(high - low, 1e-12))), 0, 255).astype(np.uint8)


OVERLAYS = {"checkerboard": checkerboard, "red-green": red_green}

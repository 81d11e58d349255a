"""Pictures brought to where any transform takes them, in bands of rows; between pixels by OpenCV's Lanczos kernel."""

import cv2
import numpy as np

from pipelines.geometry import frames
from pipelines.geometry.transforms import Transform
from pipelines.normalise import border_level
from udl_tf.registration.warping import as_stored

BAND = 512  # rows of the fixed frame that are made at a time
EDGE = 0.5 + 1e-3  # pixels: what lies half a pixel outside is still shown


def pixel_places(transform: Transform, fixed: tuple[int, int], moving: tuple[int, int], rows: slice = slice(None)) -> np.ndarray:
    """Where pixels of the fixed frame are found: pixels (x, y) of the moving one from its first's centre, (rows, width, 2).

    Args:
        transform: of one row. fixed, moving: (height, width). rows: of the fixed frame that are asked for.
    """
    x, y = np.meshgrid(np.arange(fixed[1]), np.arange(fixed[0])[rows])
    points = np.stack([x, y], -1) - frames.centre(fixed)
    return (transform.pull(points.reshape(-1, 2))[0] + frames.centre(moving)).reshape(points.shape).astype(np.float32)


def placed(plane: np.ndarray, transform: Transform, size: tuple[int, int], fill: float | None = None) -> np.ndarray:
    """One plane in the fixed frame.

    Args:
        plane: (height, width) or (height, width, samples), any real type. transform: of one row. size: of the fixed frame.
        fill: value of what the plane does not show; None: the median of its border, of each sample.

    Returns:
        (*size) or (*size, samples), of the plane's type.
    """
    samples = 1 if plane.ndim == 2 else plane.shape[2]
    layers, other = plane.reshape(*plane.shape[:2], samples), plane.shape[:2]
    level = border_level(np.moveaxis(layers, -1, 0).astype(np.float64)) if fill is None else np.full(samples, float(fill))
    out = np.empty((*size, samples), plane.dtype)
    for top in range(0, size[0], BAND):
        rows = slice(top, min(top + BAND, size[0]))
        places = pixel_places(transform, size, other, rows)
        there = _inside(places, other)
        for k in range(samples):
            layer = np.float64(layers[..., k])
            values = cv2.remap(layer, places, None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101)
            out[rows, :, k] = as_stored(np.where(there, values, level[k]), plane.dtype)
    return out.reshape(*size, *plane.shape[2:])


def visible(transform: Transform, fixed: tuple[int, int], moving: tuple[int, int]) -> np.ndarray:
    """Which pixels of the fixed frame the moving one shows, bool (height, width)."""
    return _inside(pixel_places(transform, fixed, moving), moving)


def _inside(places, size):
    return ((places >= -EDGE) & (places <= np.array(size[::-1]) - 1 + EDGE)).all(-1)

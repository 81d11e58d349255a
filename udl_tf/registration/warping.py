"""Pictures turned and moved at their own resolution, of any type of number, tile by tile.

Between pixels the values are those of Lanczos' kernel of eight pixels at half pixels, and linear between these. Where a place
falls on a pixel, its value is kept to the bit.
"""

import numpy as np
import tensorflow as tf

from pipelines import compat
from pipelines.geometry import frames
from pipelines.normalise import border_level

TILE = 512  # pixels, largest side of what is made at a time
TAPS = 4  # pixels on each side of a half one
LANCZOS = np.sinc(np.arange(TAPS) + 0.5) * np.sinc((np.arange(TAPS) + 0.5) / TAPS)
LANCZOS = (LANCZOS / (2.0 * LANCZOS.sum())).astype(np.float32)


def warp_planes(planes: np.ndarray, angle: float, shift: np.ndarray, size=None, fill: float | None = None) -> np.ndarray:
    """Planes brought into the fixed frame by one rigid transform.

    Args:
        planes: (n, height, width), any real type. angle: degrees. shift: (2,) pixels.
        size: (height, width) of the fixed frame, by default that of the planes.
        fill: value of what the planes do not show; None: the median of each plane's border.

    Returns:
        (n, *size) of the type of `planes`; whole numbers are rounded and stay in their range.
    """
    other = planes.shape[1:]
    size = tuple(size or other)
    if size == other and angle == 0.0 and not np.any(shift):
        return planes.copy()
    maps = frames.pixel_maps(angle, shift, size, other)[0, :2]
    level = border_level(np.asarray(planes, np.float64)) if fill is None else np.full(len(planes), float(fill))
    offset = np.array([float(np.mean(plane[::7, ::7], dtype=np.float64)) for plane in planes])
    out = np.empty((len(planes), *size), planes.dtype)
    for top in range(0, size[0], TILE):
        for left in range(0, size[1], TILE):
            part = (slice(None), slice(top, min(top + TILE, size[0])), slice(left, min(left + TILE, size[1])))
            values, inside = _tile(planes, maps, (left, top), out[part].shape[1:], offset)
            values = np.where(inside, values + offset[:, None, None], level[:, None, None])
            out[part] = as_stored(values, planes.dtype)
    return out


def as_stored(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Floating values in a type: whole numbers rounded, within their range."""
    if dtype.kind == "b":
        return values >= 0.5
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        values = np.clip(np.rint(values), limits.min, limits.max)
    return values.astype(dtype)


def shown(angle: float, shift: np.ndarray, size: tuple[int, int], other: tuple[int, int]) -> np.ndarray:
    """Which pixels of the fixed frame (height, width) a moving picture of size `other` shows, bool."""
    return _inside(frames.pixel_maps(angle, shift, size, other)[0, :2], (0, 0), size, other)


def _inside(maps, corner, size, other):
    x, y = np.arange(size[1]) + corner[0], (np.arange(size[0]) + corner[1])[:, None]
    u, v = (row[0] * x + row[1] * y + row[2] for row in maps)
    within = 0.5 + 1e-6
    return (u >= -within) & (u <= other[1] - 1 + within) & (v >= -within) & (v <= other[0] - 1 + within)


def _tile(planes, maps, corner, size, offset):
    """(values float32 (n, *size) less offset, bool (*size) where there is something) of a tile of the fixed frame."""
    other = planes.shape[1:]
    ends = np.array([[x, y] for x in (0, size[1] - 1) for y in (0, size[0] - 1)], np.float64) + corner
    ends = ends @ maps[:, :2].T + maps[:, 2]
    low, high = np.floor(ends.min(0)).astype(int) - TAPS, np.ceil(ends.max(0)).astype(int) + TAPS + 1
    inside = _inside(maps, corner, size, other)
    if not inside.any():
        return np.zeros((len(planes), *size), np.float32), inside
    columns, rows = (np.clip(np.arange(a, b), 0, full - 1) for a, b, full in zip(low, high, other[::-1]))
    patch = (planes[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] - offset[:, None, None]).astype(np.float32)
    patch = patch[:, (rows - rows[0])[:, None], columns - columns[0]]  # beyond the border: its pixels
    local = maps.copy()
    local[:, 2] += maps[:, :2] @ np.array(corner, np.float64) - low
    return _sampled(patch, np.float32(local), np.int32(size)).numpy(), inside


@tf.function(
    input_signature=(
        tf.TensorSpec((None, None, None), tf.float32),
        tf.TensorSpec((2, 3), tf.float32),
        tf.TensorSpec((2,), tf.int32),
    ),
    autograph=False,
)
def _sampled(images, maps, size):
    """Images (n, height, width) at the places that a map (2, 3) gives the pixels of a frame of `size`."""
    finer = _half_pixels(_half_pixels(images, 2), 1)
    offset = 2.0 * (maps[:, 2] - (TAPS - 1.0))  # the first pixels have no half one beside them
    rows = tf.concat([tf.reshape(tf.concat([2.0 * maps[:, :2], offset[:, None]], 1), (6,)), tf.zeros(2)], 0)
    transforms = tf.tile(rows[None], (tf.shape(images)[0], 1))
    return compat.kernel_transform(finer[..., None], transforms, fill_mode="nearest", size=size)[..., 0]


def _half_pixels(images, axis):
    """Images with a half pixel after each pixel along an axis, from the fourth to the last but four."""
    count = tf.shape(images)[axis] - 2 * TAPS + 1

    def from_pixel(first):
        return images[:, first : first + count] if axis == 1 else images[:, :, first : first + count]

    between = tf.add_n([LANCZOS[k] * (from_pixel(TAPS - 1 - k) + from_pixel(TAPS + k)) for k in range(TAPS)])
    found = tf.stack([from_pixel(TAPS - 1), between], axis + 1)
    shape = tf.shape(images)
    return tf.reshape(found, (shape[0], 2 * count, shape[2]) if axis == 1 else (shape[0], shape[1], 2 * count))

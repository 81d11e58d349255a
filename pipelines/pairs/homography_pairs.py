"""Pairs of photo patches with a known homography, the recipe of DeTone et al. ("Deep Image Homography Estimation", 2016).

A square patch (`fixed`) is cut from a photo; each of its corners is moved by up to `reach` pixels in x and in y, and `moving` is
what the quadrilateral of the moved corners shows when it is made square again. So the homography that takes the patch's corners
to the moved ones brings `moving` onto `fixed`. Nothing is invented at the edges: the quadrilateral lies within the photo.

A homography is float32 (batch, 3, 3), its last element 1, on points (x, y) in pixels from the image's centre, as in `geometry`.
"""

import math

import numpy as np
import tensorflow as tf

from pipelines import compat, geometry
from pipelines.errors import InputError
from pipelines.geometry.warp import centre_crop
from pipelines.normalise import normalise


def from_crops(crops, seed, patch=128, reach=32.0, margin=0, start=0):
    """Dataset of ``(inputs, truth)``: `inputs` of ``fixed`` and ``moving``, `truth` of ``homography``, all by the batch.

    Batch n depends on the crops, on the seed and on n alone. Grey values are scaled for a whole crop, to mean 0 and standard
    deviation 1, so that the two patches of a pair are equally bright where they show the same.

    Args:
        crops: endless dataset of float32 (batch, size, size), such as ``photos.photo_crops(folder, batch, patch,
            photo_shift(patch, reach), seed, start=start)``. seed: integer.
        patch, reach, margin: see `homography_pair`. start: number of the first batch of `crops`.
    """

    def make(number, images):
        own = tf.stack([tf.cast(seed, tf.int32), tf.cast(number, tf.int32)])
        fixed, moving, homography = homography_pair(normalise(images), own, patch, reach, margin)
        return {"fixed": fixed, "moving": moving}, {"homography": homography}

    return crops.enumerate(start).map(make, num_parallel_calls=2, deterministic=True).prefetch(2)


def crop_size(patch=128, reach=32.0, margin=0):
    """Side of the smallest square that holds every pair, pixels: 192 for patches of 128 with corners moved by up to 32."""
    return patch + 2 * max(math.ceil(reach), margin)


def photo_shift(patch=128, reach=32.0, margin=0):
    """The `max_shift` for which the crops of `photos.photo_crops` and `photos.array_crops` are large enough, pixels."""
    half = (patch - 1) / 2
    return max(0.0, (half + max(math.ceil(reach), margin)) / math.sqrt(2.0) - half)


def homography_pair(crops, seed, patch=128, reach=32.0, margin=0):
    """Cut a pair of patches from each photo.

    Args:
        crops: float32 (batch, size, size), size at least `crop_size` and of the parity of `patch`.
        seed: int32 (2,).
        patch: side of the patches in pixels.
        reach: pixels; each corner moves by dx and dy uniform in [-reach, reach], at most a quarter of `patch`, so that the
            moved corners always are those of a convex quadrilateral.
        margin: pixels that `fixed` keeps around the patch on each side.

    Returns:
        fixed: float32 (batch, patch + 2 margin, patch + 2 margin). moving: (batch, patch, patch).
        homography: (batch, 3, 3), exact, brings moving onto fixed; both have one centre. `moving` is interpolated (bilinear).

    Raises:
        InputError: the crops are too small or of the other parity, or `reach` is too large.
    """
    crops = tf.convert_to_tensor(crops, tf.float32)
    size, least = crops.shape[1], crop_size(patch, reach, margin)
    if not 0.0 <= 4 * reach <= patch:
        raise InputError(f"reach: received {reach:g} pixels, expected 0 to {patch / 4:g}, a quarter of the patch")
    if size < least or (size - patch) % 2:
        raise InputError(
            f"photo crops of {size} pixels: expected {least} or more by an even number, for patches of {patch} "
            f"with corners moved by up to {reach:g} and a margin of {margin}"
        )
    moves = tf.random.stateless_uniform([tf.shape(crops)[0], 4, 2], seed, -reach, reach)
    homography = from_corners(patch, moves)
    seen = compat.projective_transform(crops[..., None], _kernel_transforms(homography, size))[..., 0]
    return centre_crop(crops, patch + 2 * margin), centre_crop(seen, patch), homography


def from_corners(patch, moves):
    """The homography that moves the centres of a patch's corner pixels.

    In closed form, by way of the unit square (Heckbert, "Fundamentals of Texture Mapping", 1989), in float64.

    Args:
        patch: side in pixels. moves: (batch, 4, 2) pixels (dx, dy) of the top left, top right, bottom right and bottom left one.

    Returns:
        float32 (batch, 3, 3).
    """
    grid = geometry.centred_grid(patch, patch).astype(np.float64)
    places = grid[[0, 0, -1, -1], [0, -1, -1, 0]] + tf.cast(moves, tf.float64)  # (batch, 4, 2)
    p0, p1, p2, p3 = tf.unstack(places, axis=1)
    # The unit square's (u, v) goes to (p0 + u a + v b) / (1 + g u + h v); its corner (1, 1), going to p2, gives g and h.
    d1, d2, rest = p1 - p2, p3 - p2, p0 - p1 + p2 - p3
    below = _cross(d1, d2)
    g, h = _cross(rest, d2) / below, _cross(d1, rest) / below
    a, b = p1 - p0 + g[:, None] * p1, p3 - p0 + h[:, None] * p3
    upper = tf.stack([a, b, p0], -1)  # (batch, 2, 3)
    lower = tf.stack([g, h, tf.ones_like(g)], -1)
    square = tf.concat([upper, lower[:, None]], 1)
    side = patch - 1.0
    found = square @ tf.constant([[1 / side, 0.0, 0.5], [0.0, 1 / side, 0.5], [0.0, 0.0, 1.0]], tf.float64)
    return tf.cast(found / found[:, 2:, 2:], tf.float32)


def _kernel_transforms(homography, size):
    """The kernel's output-to-input map (batch, 8), in pixels from the first one, that samples images at ``homography(p)``."""
    centre = (size - 1) / 2.0
    there = tf.constant([[1.0, 0.0, centre], [0.0, 1.0, centre], [0.0, 0.0, 1.0]])
    back = tf.constant([[1.0, 0.0, -centre], [0.0, 1.0, -centre], [0.0, 0.0, 1.0]])
    pixels = there @ homography @ back
    return tf.reshape(pixels / pixels[:, 2:, 2:], (-1, 9))[:, :8]


def _cross(a, b):
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]

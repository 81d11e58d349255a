"""Pairs of photo patches with a known homography, the recipe of DeTone et al. ("Deep Image Homography Estimation", 2016).

A square patch (`fixed`) is cut from a photo; each of its corners is moved by up to `reach` pixels in x and in y, and `moving` is
what the quadrilateral of the moved corners shows when it is made square again. So the homography that takes the patch's corners
to the moved ones brings `moving` onto `fixed`. Nothing is invented at the edges: the quadrilateral lies within the photo.

A homography is float32 (batch, 3, 3), its last element 1, on points (x, y) in pixels from the image's centre, as in `geometry`.
"""

import math

import tensorflow as tf

from pipelines.errors import InputError
from pipelines.geometry import homography, warp
from pipelines.normalise import normalise


@tf.autograph.experimental.do_not_convert
def from_crops(crops, seed, patch=128, reach=32.0, margin=0, start=0):
    """Dataset of ``(inputs, truth)``: `inputs` of ``fixed`` and ``moving``, `truth` of ``homography``, all by the batch.

    Batch n depends on the crops, on the seed and on n alone. Grey values are scaled for a whole crop, to mean 0 and standard
    deviation 1, so that the two patches of a pair are equally bright where they show the same.

    Args:
        crops: endless dataset of float32 (batch, size, size), as of `pipelines.pictures.Photographs` with
            ``max_shift=photo_shift(patch, reach)``. seed: integer.
        patch, reach, margin: see `homography_pair`. start: number of the first batch of `crops`.
    """

    def make(number, images):
        own = tf.stack([tf.cast(seed, tf.int32), tf.cast(number, tf.int32)])
        fixed, moving, matrix = homography_pair(normalise(images), own, patch, reach, margin)
        return {"fixed": fixed, "moving": moving}, {"homography": matrix}

    return crops.enumerate(start).map(make, num_parallel_calls=2, deterministic=True).prefetch(2)


def crop_size(patch=128, reach=32.0, margin=0):
    """Side of the smallest square that holds every pair, pixels: 192 for patches of 128 with corners moved by up to 32."""
    return patch + 2 * max(math.ceil(reach), margin)


def photo_shift(patch=128, reach=32.0, margin=0):
    """The `max_shift` for which the crops of `pictures.Photographs` and `pictures.ArrayPictures` are large enough, pixels."""
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
    matrix = homography.from_corner_moves(patch, moves)
    return warp.centre_crop(crops, patch + 2 * margin), warp.centre_crop(warp.pulled(crops, matrix), patch), matrix

"""Random textured crops of pictures, endlessly: what photographs, dead leaves and pictures in memory have in common.

Pictures of every kind are a `Pictures`: `files`, what was read for them, and `crops`, a dataset that pairs are made of:

    Photographs(folder) ──┐
    DeadLeaves(count) ────┼─ .crops(start) ──> (batch, size, size) ──pairs──> fixed, moving, truth
    Array(images) ────────┘     on the CPU                        on any device
"""

import math
from typing import Protocol

import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.geometry import warp

LONGEST_SHORT_SIDE = 480  # pixels; a larger picture is reduced to it, which is about the size of COCO's
TEXTURE_BLOCK = 16  # pixels
TEXTURE_CONTRAST = 8.0  # grey levels of 255: standard deviation above which a block has texture
TEXTURE_SHARE = 0.4  # of the blocks must have texture
PROBE = 300  # pictures looked at to make sure that there is any with texture
ATTEMPTS = 2**20  # to find a crop with texture: as good as endless
READERS = 4  # pictures decoded at a time


class Pictures(Protocol):
    """Anything that pairs are made of.

    Attributes:
        files: paths of all that is read, () for pictures that are computed.
    """

    files: tuple[str, ...]

    def crops(self, start: int | None = None) -> tf.data.Dataset:
        """Endless dataset of float32 (batch, height, width).

        Args:
            start: number of the first batch of the dataset whose batch n depends on the pictures, their seed and n alone. None:
                no such order is needed, the quickest one is taken.
        """
        ...


def crop_size(patch=128, max_shift=10.0):
    """Side of the smallest square that holds every pair of `pairs.photo_pair`: 210 pixels for patches of 128 moved by up to 10.

    The corners of `fixed` come from up to (patch - 1)/2 + max_shift pixels away from the centre in x and in y, turned by any
    angle. The parity is that of `patch`, so that both have one centre.
    """
    reach = math.sqrt(2.0) * ((patch - 1) / 2 + max_shift)
    size = math.ceil(2 * reach) + 1
    return size + (size - patch) % 2


@tf.autograph.experimental.do_not_convert
def textured_crops(count, read, name, batch, patch, max_shift, seed, start=None):
    """Endless random square crops of pictures, in random order, with another crop of each picture every time.

    A picture is cut around a random centre; one whose short side is below `crop_size` is first scaled up to it, one above
    480 pixels reduced to that. Crops whose patch has little texture are dropped, as pictures that turn out damaged.

    Args:
        count: of pictures. read: from an index (int64 scalar) to a picture (height, width), grey levels 0 to 255.
        name: of the pictures, for errors. batch: crops at a time. patch, max_shift: of the pairs to be made, see `crop_size`.
        seed: integer; the same arguments give the same crops.
        start: None, or the number of the first batch of a dataset whose batch n depends on the seed and on n alone: what
            is dropped has another picture put in its place instead of the next ones moving up.

    Returns:
        tf.data.Dataset of float32 (batch, size, size), size as `crop_size` says.

    Raises:
        InputError: no picture with enough texture.
    """
    size = crop_size(patch, max_shift)

    def crop(counter, index):
        return _random_crop(read(index), size, tf.stack([tf.cast(seed, tf.int64), counter]))

    def textured(image):
        return has_texture(warp.centre_crop(image[None], patch))[0]

    def crops(these, parallel=tf.data.AUTOTUNE):
        these = these.map(crop, num_parallel_calls=parallel, deterministic=True if parallel else None)
        return these.ignore_errors(log_warning=True).filter(textured)  # the errors of damaged files

    order = tf.data.Dataset.range(count).shuffle(count, seed)
    # Without this an endless pass over blank pictures would never end.
    if not any(True for _ in crops(order.take(PROBE).repeat(3).enumerate()).take(1)):
        raise InputError(f"{name}: no picture with enough texture for patches of {patch} pixels (or none that decodes)")
    chosen = crops(order.repeat().enumerate()) if start is None else _one_each(crops, count, seed, start * batch)
    return chosen.batch(batch, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def _one_each(crops, count, seed, start):
    """Crops number `start`, `start` + 1, ... without end: number n is one of the picture whose turn it is, or of a random other.

    Args:
        crops: from a dataset of (counter, index of a picture) to one of those crops that are fit for use, `parallel` at a time.
    """
    turn, used = divmod(start, count)

    def one_pass(turn):
        seeds = tf.stack([tf.cast(seed, tf.int64), turn])
        return tf.data.Dataset.from_tensor_slices(
            tf.random.experimental.stateless_shuffle(tf.range(count, dtype=tf.int64), seeds)
        )

    def first_fit(number, index):
        def candidate(attempt):
            counter = number * ATTEMPTS + attempt
            other = tf.random.stateless_uniform((), tf.stack([tf.cast(seed, tf.int64), counter]), 0, count, tf.int64)
            return counter, tf.where(attempt == 0, index, other)

        return crops(tf.data.Dataset.range(ATTEMPTS).map(candidate), parallel=None).take(1)

    order = tf.data.Dataset.range(turn, np.iinfo(np.int64).max).flat_map(one_pass).skip(used).enumerate(start)
    return order.interleave(first_fit, cycle_length=READERS, num_parallel_calls=READERS, deterministic=True)


def has_texture(patches):
    """Whether patches (batch, height, width) in grey levels 0 to 255 have texture enough to show a rotation: bool (batch,).

    One has where at least 40 % of its 16 x 16 blocks have a standard deviation above 8 grey levels: what stands for the
    paper's "patches of little textures are discarded", which it does not specify.
    """
    height, width = (side // TEXTURE_BLOCK * TEXTURE_BLOCK for side in patches.shape[1:])
    blocks = (-1, height // TEXTURE_BLOCK, TEXTURE_BLOCK, width // TEXTURE_BLOCK, TEXTURE_BLOCK)
    spread = tf.math.reduce_std(tf.reshape(patches[:, :height, :width], blocks), axis=[2, 4])
    return tf.reduce_mean(tf.cast(spread > TEXTURE_CONTRAST, tf.float32), axis=[1, 2]) >= TEXTURE_SHARE


def _random_crop(image, size, seed):
    """A square of `size` pixels anywhere in an image (height, width), brought to a fitting scale first."""
    sides = tf.cast(tf.shape(image), tf.float32)
    short = tf.reduce_min(sides)
    scale = tf.clip_by_value(short, float(size), float(max(size, LONGEST_SHORT_SIDE))) / short
    target = tf.maximum(tf.cast(tf.round(sides * scale), tf.int32), size)

    def scaled():  # antialias smooths reductions only
        return tf.image.resize(image[..., None], target, method="bicubic", antialias=True)[..., 0]

    image = tf.cond(tf.equal(scale, 1.0), lambda: image, scaled)
    return tf.clip_by_value(tf.image.stateless_random_crop(image, [size, size], seed), 0.0, 255.0)

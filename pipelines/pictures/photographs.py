"""Pairs of photo patches with known rotation and shift, the paper's natural-image recipe (section 4.1), without black corners.

A photo is turned by any angle and shifted by up to 10 pixels each way; patches of 128 x 128 pixels are cut at the same
place from the transformed photo (`fixed`) and from the original (`moving`). So the angle and the shift that were drawn are
those that bring `moving` onto `fixed`, in the sense of `geometry`, about the patch's centre. Everything a pair can need
lies in a square of `crop_size` pixels around that centre; two stages make the pairs:

    folder of photos ──photo_crops──┐
                                    ├─> (batch, size, size) ──photo_pair──> fixed, moving, angle, shift
    arrays, dead leaves ─array_crops┘        on the CPU                         on any device
"""

import math

import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.files import photo_files
from pipelines.geometry import warp

LONGEST_SHORT_SIDE = 480  # pixels; a larger photo is reduced to it, which is about the size of COCO's
TEXTURE_BLOCK = 16  # pixels
TEXTURE_CONTRAST = 8.0  # grey levels of 255: standard deviation above which a block has texture
TEXTURE_SHARE = 0.4  # of the blocks must have texture
PROBE = 300  # photos looked at to make sure that there is any with texture
ATTEMPTS = 2**20  # to find a crop with texture: as good as endless
READERS = 4  # photos decoded at a time


def crop_size(patch=128, max_shift=10.0):
    """Side of the smallest square that holds every pair: 210 pixels for 128-pixel patches shifted by up to 10.

    The corners of `fixed` come from up to (patch - 1)/2 + max_shift pixels away from the centre in x and in y, turned by any
    angle. The parity is that of `patch`, so that both have one centre.
    """
    reach = math.sqrt(2.0) * ((patch - 1) / 2 + max_shift)
    size = math.ceil(2 * reach) + 1
    return size + (size - patch) % 2


def photo_pair(crops, seed, patch=128, max_shift=10.0):
    """Turn and shift photos and cut a pair of patches from each.

    The angle and the shift are exact. The interpolation is bilinear and blurs `fixed` a little: against a windowed sinc (Lanczos)
    it differs by 4 to 13 % of a photo's standard deviation, median 7 % (64 photos of 256 pixels).

    Args:
        crops: float32 (batch, size, size), size at least `crop_size(patch, max_shift)` and of the parity of `patch`.
        seed: int32 (2,).
        patch: side of the patches in pixels.
        max_shift: pixels; dx and dy are uniform in [-max_shift, max_shift].

    Returns:
        fixed, moving: float32 (batch, patch, patch).
        angle: (batch,) degrees, uniform in [-180, 180), and shift: (batch, 2) pixels: what brings moving onto fixed.

    Raises:
        InputError: the crops are too small, or of the other parity.
    """
    crops = tf.convert_to_tensor(crops, tf.float32)
    size = crops.shape[1]
    if size < crop_size(patch, max_shift) or (size - patch) % 2:
        raise InputError(
            f"photo crops of {size} pixels: expected {crop_size(patch, max_shift)} or more by an even number, "
            f"for patches of {patch} shifted by up to {max_shift:g}"
        )
    seeds = tf.random.experimental.stateless_split(seed, 2)
    batch = tf.shape(crops)[0]
    angle = tf.random.stateless_uniform([batch], seeds[0], -180.0, 180.0)
    shift = tf.random.stateless_uniform([batch, 2], seeds[1], -max_shift, max_shift)
    fixed = warp.centre_crop(warp.warp(crops, angle, shift), patch)
    return fixed, warp.centre_crop(crops, patch), angle, shift


def photo_crops(folder, batch=64, patch=128, max_shift=10.0, seed=0, repeat=True, start=None):
    """Random square crops of the photos below a folder, in random order, decoded lazily.

    A photo is made grey and cut around a random centre; one whose short side is below `crop_size` is first scaled up to
    it (at most twice: smaller files are skipped), one above 480 pixels reduced to that. Crops whose patch has little
    texture are dropped, as files that turn out damaged.

    Args:
        folder: searched recursively for JPEG and PNG files (a COCO folder, for instance).
        batch: crops at a time. patch, max_shift: of the pairs to be made, see `photo_pair`.
        seed: integer; the same arguments give the same crops.
        repeat: endlessly, with another crop of each photo every time; otherwise one pass.
        start: None, or the number of the first batch of an endless dataset whose batch n depends on the seed and on n alone: what
            is dropped has another photo put in its place instead of the next ones moving up.

    Returns:
        The tf.data.Dataset of float32 (batch, size, size), grey levels 0 to 255, and the `PhotoFiles` it draws from, whose
        `notice` counts what was skipped.

    Raises:
        InputError: no usable photo, see `photo_files.find_photos`.
    """
    size = crop_size(patch, max_shift)
    files = photo_files.find_photos(folder, shortest=size // 2)
    paths = tf.constant(files.paths)
    return _crops(len(files.paths), lambda i: _read_photo(paths[i]), folder, batch, patch, size, seed, repeat, start), files


def array_crops(images, batch=64, patch=128, max_shift=10.0, seed=0, repeat=True, start=None):
    """As `photo_crops`, from images (n, height, width) in memory, grey levels 0 to 255. Returns the dataset alone."""
    size = crop_size(patch, max_shift)
    images = np.asarray(images, np.float32)
    if images.ndim != 3 or min(images.shape[1:]) < size // 2:
        raise InputError(f"photos of shape {images.shape}: expected (n, height, width), sides of {size // 2} pixels or more")
    stored = tf.constant(images)
    return _crops(len(images), lambda i: stored[i], "images", batch, patch, size, seed, repeat, start)


def has_texture(patch):
    """Whether a patch (height, width) in grey levels 0 to 255 has texture enough to show a rotation: scalar bool.

    It has where at least 40 % of its 16 x 16 blocks have a standard deviation above 8 grey levels: what stands for the
    paper's "patches of little textures are discarded", which it does not specify.
    """
    height, width = (side // TEXTURE_BLOCK * TEXTURE_BLOCK for side in patch.shape)
    blocks = (height // TEXTURE_BLOCK, TEXTURE_BLOCK, width // TEXTURE_BLOCK, TEXTURE_BLOCK)
    spread = tf.math.reduce_std(tf.reshape(patch[:height, :width], blocks), axis=[1, 3])
    return tf.reduce_mean(tf.cast(spread > TEXTURE_CONTRAST, tf.float32)) >= TEXTURE_SHARE


def _crops(count, read, name, batch, patch, size, seed, repeat, start):
    """From photos 0 .. count - 1, which `read` turns into images, to batches of textured crops (batch, size, size)."""

    def crop(counter, index):
        return _random_crop(read(index), size, tf.stack([tf.cast(seed, tf.int64), counter]))

    def textured(image):
        return has_texture(warp.centre_crop(image[None], patch)[0])

    def crops(these, parallel=tf.data.AUTOTUNE):
        these = these.map(crop, num_parallel_calls=parallel, deterministic=True if parallel else None)
        return these.ignore_errors(log_warning=True).filter(textured)  # the errors of damaged files

    order = tf.data.Dataset.range(count).shuffle(count, seed)
    # Without this an endless pass over blank photos would never end.
    if not any(True for _ in crops(order.take(PROBE).repeat(3).enumerate()).take(1)):
        raise InputError(f"{name}: no photo with enough texture for patches of {patch} pixels (or none that decodes)")
    if start is not None:
        chosen = _one_each(crops, count, seed, start * batch)
    else:
        chosen = crops((order.repeat() if repeat else order).enumerate())
    return chosen.batch(batch, drop_remainder=repeat or start is not None).prefetch(tf.data.AUTOTUNE)


def _one_each(crops, count, seed, start):
    """Crops number `start`, `start` + 1, ... without end: number n is one of the photo whose turn it is, or of a random other.

    Args:
        crops: from a dataset of (counter, index of a photo) to one of those crops that are fit for use, `parallel` at a time.
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


def _read_photo(path):
    """Decode a JPEG or PNG file to grey float32 (height, width)."""
    image = tf.io.decode_image(tf.io.read_file(path), channels=1, expand_animations=False)
    return tf.cast(image, tf.float32)[..., 0]


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

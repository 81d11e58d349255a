"""Crops of pictures that are all in memory, drawn by operations that XLA has: see `pipelines.xla`."""

import tensorflow as tf

from pipelines import draws
from pipelines.geometry import warp
from pipelines.pictures.crops import crop_size, has_texture

ATTEMPTS = 4  # places looked at for a crop with texture


def crops_in_memory(pictures, batch, seed, number, patch=128, max_shift=10.0):
    """Batch `number` of random textured crops; batch n depends on the pictures, the seed and n alone.

    Each crop is the first of `ATTEMPTS` places whose patch has texture (`crops.has_texture`); where none has, the first of all.

    Args:
        pictures: uint8 (n, height, width), grey levels. batch: crops. seed, number: integers or int32 scalars.
        patch, max_shift: of the pairs to be made, see `crops.crop_size`, which is the side of a crop.

    Returns:
        float32 (batch, size, size), grey levels 0 to 255.
    """
    size, (count, height, width) = crop_size(patch, max_shift), pictures.shape
    seeds = draws.split(tf.stack([tf.cast(seed, tf.int32), tf.cast(number, tf.int32)]), 3)
    which, top, left = (
        draws.integers((batch * ATTEMPTS, 1, 1), own, 0, limit)
        for own, limit in zip(tf.unstack(seeds), (count, height - size + 1, width - size + 1), strict=True)
    )
    rows, columns = top + tf.range(size)[None, :, None], left + tf.range(size)[None, None, :]
    places = (which * height + rows) * width + columns  # (batch attempts, size, size)
    crops = tf.cast(tf.gather(tf.reshape(pictures, (-1,)), places), tf.float32)
    fit = tf.reshape(has_texture(warp.centre_crop(crops, patch)), (batch, ATTEMPTS))
    first = tf.argmax(tf.cast(fit, tf.int32), axis=1, output_type=tf.int32)  # of equals the first
    return tf.gather(crops, tf.range(batch) * ATTEMPTS + first)

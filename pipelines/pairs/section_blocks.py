"""Blocks of a volume, endlessly: turned by quarter turns about the axis of the volume, mirrored along all three axes."""

import tensorflow as tf

from pipelines import draws
from pipelines.pairs.section_crops import turned


@tf.autograph.experimental.do_not_convert
def blocks(volume, depth, side, batch, seed, start=0):
    """Batches of blocks.

    Args:
        volume: (n, height, width), any real type. depth: sections of a block. side: its pixels along y and x. batch: blocks at a
            time. seed: integer. start: number of the first batch.

    Returns:
        Endless tf.data.Dataset of float32 (batch, depth, side, side); batch n depends on the volume, the seed and n alone.
    """
    count, height, width = volume.shape
    values = tf.reshape(tf.constant(volume), (-1,))

    def cut(number):
        seeds = draws.split(tf.stack([tf.constant(seed, tf.int32), tf.cast(number, tf.int32)]), 4)
        limits = (count - depth + 1, height - side + 1, width - side + 1, 16)
        first, top, left, way = (
            draws.integers((batch, 1, 1, 1), own, 0, limit) for own, limit in zip(tf.unstack(seeds), limits, strict=True)
        )
        rows, columns = (places[:, None] for places in turned(side, way[..., 0]))  # (batch, 1, side, side)
        layers = tf.range(depth)[None, :, None, None]
        layers = first + tf.where(way // 8 % 2 == 0, layers, depth - 1 - layers)
        return tf.cast(tf.gather(values, (layers * height + top + rows) * width + left + columns), tf.float32)

    numbers = tf.data.Dataset.range(start, 2**31 - 1)
    return numbers.map(cut, num_parallel_calls=2, deterministic=True).prefetch(2)

"""tf.data pipeline of pairs that are there, of unknown poses."""

import numpy as np
import tensorflow as tf

from pipelines.normalise import normalise


def from_arrays(fixed, moving, batch, seed, start=0):
    """Batches drawn from pairs, as the datasets of `pipelines.pairs.rigid`; the truth is NaN.

    Args:
        fixed, moving: float32 (n, side, side), image n of one belongs to image n of the other. batch, seed: integers.
        start: number of the first batch.
    """
    fixed, moving = (tf.constant(images, tf.float32) for images in (fixed, moving))

    @tf.autograph.experimental.do_not_convert
    def draw(number):
        own = tf.stack([tf.cast(seed, tf.int32), tf.cast(number, tf.int32)])
        rows = tf.random.stateless_uniform((batch,), own, 0, tf.shape(fixed)[0], tf.int32)
        inputs = {"fixed": normalise(tf.gather(fixed, rows)), "moving": normalise(tf.gather(moving, rows))}
        return inputs, {"angle": tf.fill((batch,), np.float32("nan")), "shift": tf.fill((batch, 2), np.float32("nan"))}

    return tf.data.Dataset.counter(start).map(draw, num_parallel_calls=2, deterministic=True).prefetch(2)

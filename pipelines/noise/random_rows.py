"""Random numbers for some rows of a larger batch: what a replica draws for its rows is what one process draws for them.

TensorFlow's stateless generator on CPUs and GPUs is Philox: it counts, and one count gives four numbers. So it can begin in
the middle of the batch, and the rows before are not drawn.
"""

import math

import tensorflow as tf

from pipelines import draws

PER_COUNT = 4  # numbers of 32 bits


def normal(shape, seed, first=0):
    """Standard normal numbers: rows ``first .. first + shape[0]`` of what `tf.random.stateless_normal` draws for more rows.

    Args:
        shape: plain integers but for the first, which may be a tensor. seed: int32 (2,). first: integer or int32 scalar.
    """
    if isinstance(first, int) and first == 0:
        return draws.normal(tf.stack(shape), seed)
    each = math.prod(shape[1:])
    before = tf.cast(first, tf.int64) * each
    start = tf.raw_ops.StatelessRandomGetKeyCounter(seed=tf.cast(seed, tf.int32))
    counter = tf.stack([start.counter[0] + tf.cast(before // PER_COUNT, tf.uint64), start.counter[1]])
    count = tf.cast(shape[0], tf.int64) * each
    numbers = tf.raw_ops.StatelessRandomNormalV2(
        shape=count[None] + PER_COUNT, key=start.key, counter=counter, alg=tf.raw_ops.StatelessRandomGetAlg()
    )
    skip = before % PER_COUNT
    return tf.reshape(numbers[skip : skip + count], tf.stack(shape))


def uniform(shape, seed, low=0.0, high=1.0, first=0):
    """Likewise for `tf.random.stateless_uniform` in [low, high). For few numbers a row: the rows before are drawn and dropped."""
    rows = draws.uniform(tf.stack([first + shape[0], *shape[1:]]), seed, low, high)
    return rows[first:]

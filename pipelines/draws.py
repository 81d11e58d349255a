"""Random numbers that are the same within an XLA program and without: uniform and normal ones, by Philox.

XLA makes other floating-point numbers of the generator's bits than TensorFlow's kernels do, and extends negative seeds by zeros
where they extend the sign. Within `pipelines.xla.program` both are done here as those kernels do: uniform numbers are equal
to the bit before they are scaled, others to rounding (TensorFlow's core/lib/random/random_distributions.h).
"""

import math

import tensorflow as tf

from pipelines import xla

MANTISSA, ONE = 0x7FFFFF, 0x3F800000  # of a float32: its fraction, and the bits of 1.0
SMALLEST = 1e-7  # of the uniform numbers that a logarithm is taken of


def uniform(shape, seed, low=0.0, high=1.0):
    """`tf.random.stateless_uniform`: float32 of `shape` in [low, high); seed int32 (2,)."""
    if not xla.is_traced():
        return tf.random.stateless_uniform(shape, seed, low, high)
    return _uniform(shape, seed) * (high - low) + low


def normal(shape, seed):
    """`tf.random.stateless_normal`: float32 of `shape`; seed int32 (2,)."""
    if not xla.is_traced():
        return tf.random.stateless_normal(shape, seed)
    count = tf.reduce_prod(tf.cast(shape, tf.int32))
    pairs = tf.reshape(_uniform((count + count % 2)[None], seed), (-1, 2))
    radius = tf.sqrt(-2.0 * tf.math.log(tf.maximum(pairs[:, 0], SMALLEST)))  # Box and Muller
    angle = 2.0 * math.pi * pairs[:, 1]
    numbers = tf.stack([tf.sin(angle) * radius, tf.cos(angle) * radius], 1)
    return tf.reshape(tf.reshape(numbers, (-1,))[:count], shape)


def cut_normal(shape, seed):
    """Standard normal numbers within two standard deviations: float32 of `shape`; seed int32 (2,)."""
    if not xla.is_traced():
        return tf.random.stateless_truncated_normal(shape, seed)
    low, high = (0.5 * (1.0 + math.erf(end / math.sqrt(2.0))) for end in (-2.0, 2.0))
    return tf.math.ndtri(uniform(shape, seed, low, high))  # another draw of the same distribution


def integers(shape, seed, low, high):
    """`tf.random.stateless_uniform`: int32 of `shape` in [low, high); seed int32 (2,)."""
    if not xla.is_traced():
        return tf.random.stateless_uniform(shape, seed, low, high, tf.int32)
    return tf.random.stateless_uniform(shape, tf.cast(seed, tf.int64), low, high, tf.int32, alg="philox")


def split(seed, count):
    """`tf.random.experimental.stateless_split`: int32 (count, 2), as many new seeds of one, int32 (2,)."""
    if not xla.is_traced():
        return tf.random.experimental.stateless_split(seed, count)
    return _bits((count, 2), seed, tf.int32)


def _uniform(shape, seed):
    """In [0, 1): the lower 23 of each 32 bits are the fraction of a number in [1, 2)."""
    bits = _bits(shape, seed, tf.uint32)
    bits = tf.bitwise.bitwise_or(tf.bitwise.bitwise_and(bits, MANTISSA), ONE)
    return tf.bitcast(bits, tf.float32) - 1.0


def _bits(shape, seed, kind):
    """Integers of 32 bits, all of them as likely."""
    return tf.random.stateless_uniform(shape, tf.cast(seed, tf.int64), None, None, kind, alg="philox")

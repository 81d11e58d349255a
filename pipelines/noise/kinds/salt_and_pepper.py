"""Pixels that are all white or all black, the paper's second kind."""

import tensorflow as tf

from pipelines import draws
from pipelines.noise.kinds.kind import Kind, per_image


def salt_and_pepper(images, proportion, seed, low=None, high=None):
    """Set a share `proportion` of the pixels to `high` (salt) and as large a share to `low` (pepper; paper section 4.1).

    Args:
        images: float32 (batch, height, width).
        proportion: scalar or (batch,), of salt and again of pepper, at most 0.5.
        seed: int32 (2,).
        low, high: scalars or (batch,), for instance 0 and 255; by default each image's own minimum and maximum.
    """
    low = tf.reduce_min(images, axis=[1, 2]) if low is None else low
    high = tf.reduce_max(images, axis=[1, 2]) if high is None else high
    low, high, share = (per_image(value, images) for value in (low, high, proportion))
    draw = draws.uniform(tf.shape(images), seed)
    return tf.where(draw < share, low, tf.where(draw >= 1.0 - share, high, images))


KIND = Kind("salt-and-pepper:LEVEL", salt_and_pepper, highest=0.5)

"""Another exposure: dark and bright values are stretched unlike, as by a camera's gamma."""

import tensorflow as tf

from pipelines import draws
from pipelines.noise.kinds.kind import Kind, per_image


def gamma(images, level, seed):
    """Grey values, counted from an image's darkest (0) to its brightest (1), to a power of its own; the range stays.

    Args:
        images: float32 (batch, height, width).
        level: scalar or (batch,). The power is drawn log-uniformly from [1 / (1 + level), 1 + level]. seed: int32 (2,).
    """
    level = per_image(level, images)
    power = tf.pow(1.0 + level, draws.uniform(tf.shape(level), seed, -1.0, 1.0))
    low = tf.reduce_min(images, axis=[1, 2], keepdims=True)
    span = tf.maximum(tf.reduce_max(images, axis=[1, 2], keepdims=True) - low, 1e-12)
    return low + span * tf.pow(tf.clip_by_value((images - low) / span, 0.0, 1.0), power)


KIND = Kind("gamma:LEVEL", gamma)

"""Another contrast and brightness."""

import tensorflow as tf

from pipelines import draws
from pipelines.noise.kinds.kind import Kind, per_image


def contrast(images, level, seed):
    """Another contrast and brightness for each image: its deviations from the mean times a gain, plus an offset.

    Args:
        images: float32 (batch, height, width).
        level: scalar or (batch,). The gain is drawn log-uniformly from [1 / (1 + level), 1 + level], the offset uniformly
            within +- `level` standard deviations of the image.
        seed: int32 (2,).
    """
    seeds = draws.split(seed, 2)
    level = per_image(level, images)
    gain, offset = (draws.uniform(tf.shape(level), one, -1.0, 1.0) for one in tf.unstack(seeds))
    mean = tf.reduce_mean(images, axis=[1, 2], keepdims=True)
    deviation = tf.math.reduce_std(images, axis=[1, 2], keepdims=True)
    return mean + (images - mean) * tf.pow(1.0 + level, gain) + offset * level * deviation


KIND = Kind("contrast:LEVEL", contrast)

"""A light that falls off across the image, in a direction of its own."""

import math

import tensorflow as tf

from pipelines import draws
from pipelines.geometry import centred_grid
from pipelines.noise.kinds.kind import Kind, per_image


def gradient(images, level, seed):
    """Grey values, counted from an image's darkest, times a factor that changes evenly across it.

    Args:
        images: float32 (batch, height, width).
        level: scalar or (batch,), up to 1. The factor is 1 in the middle; where a line through it, in a direction of its own for
            each image, leaves the largest circle within, it is ``1 + level`` and ``1 - level``. seed: int32 (2,).
    """
    level = per_image(level, images)
    angle = draws.uniform(tf.shape(level), seed, 0.0, 2.0 * math.pi)
    x, y = tf.unstack(tf.constant(centred_grid(images.shape[1], images.shape[2])), axis=-1)
    along = (tf.cos(angle) * x + tf.sin(angle) * y) * (2.0 / min(images.shape[1:]))
    low = tf.reduce_min(images, axis=[1, 2], keepdims=True)
    return low + (images - low) * tf.maximum(1.0 + level * along, 0.0)


KIND = Kind("gradient:LEVEL", gradient, highest=1.0)

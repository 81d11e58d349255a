"""No noise."""

import tensorflow as tf

from pipelines.noise.kinds.kind import Kind


def clean(images, level, seed):
    """The images (batch, height, width) as they are; there is nothing to draw."""
    return tf.identity(images)


KIND = Kind("clean", clean, has_level=False)

"""What a kind of noise says of itself."""

import dataclasses
from collections.abc import Callable

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of noise.

    Attributes:
        form: how it is written on the command line, such as ``gaussian:LEVEL``.
        add: (images float32 (batch, height, width), level scalar or (batch,), seed int32 (2,)) -> images. Random numbers are
            stateless: the same seed gives the same noise.
        has_level: whether it takes a level. highest: that the level may be; it is above 0.
    """

    form: str
    add: Callable
    has_level: bool = True
    highest: float = float("inf")


def per_image(level, images):
    """A scalar or (batch,) as float32 (batch, 1, 1)."""
    return tf.broadcast_to(tf.cast(level, tf.float32), tf.shape(images)[:1])[:, None, None]

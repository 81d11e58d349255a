"""Descriptors of several levels of a network, and how far two places are from each other by all of them (Yang et al. 2018)."""

import collections.abc
import dataclasses

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Levels:
    """Where descriptors come from.

    Attributes:
        maps: function (images (batch, height, width)) -> list of maps (batch, rows, columns, channels), one a level, all of them
            with nodes `stride` pixels apart around the centre. weights: of each level's distance.
        least, most: pixels, of an image's longer side; others are brought there. multiple: of which both sides shall be.
    """

    maps: collections.abc.Callable
    weights: tuple
    stride: int
    least: int
    most: int
    multiple: int

    def size(self, height, width):
        """(height, width) at which images of some size are looked at."""
        longer = max(height, width)
        scale = min(max(longer, self.least), self.most) / longer
        return tuple(max(round(side * scale / self.multiple), 1) * self.multiple for side in (height, width))

    def of(self, images):
        """Maps of images (batch, height, width), each of standard deviation 1; and pixels (along x, along y) between nodes."""
        height, width = self.size(*images.shape[1:])
        seen = (
            images
            if (height, width) == tuple(images.shape[1:])
            else tf.image.resize(images[..., None], (height, width), antialias=True)[..., 0]
        )
        maps = self.maps(seen)
        apart = np.float32([images.shape[2] / maps[0].shape[2], images.shape[1] / maps[0].shape[1]])
        return [_standard(part) for part in maps], apart


def likeness(fixed, moving, weights):
    """1 less half the squared distance of all places of two maps, (batch, fixed places, moving places).

    Args:
        fixed, moving: lists of maps (batch, rows, columns, channels), one a level. weights: of each level's Euclidean distance.
    """
    total = 0.0
    for one, other, weight in zip(fixed, moving, weights, strict=True):
        one, other = (tf.reshape(part, (-1, part.shape[1] * part.shape[2], part.shape[3])) for part in (one, other))
        product = tf.matmul(one, other, transpose_b=True)
        squares = [tf.reduce_sum(part**2, -1) for part in (one, other)]
        total += weight * tf.sqrt(tf.maximum(squares[0][:, :, None] + squares[1][:, None] - 2.0 * product, 0.0))
    return 1.0 - 0.5 * total**2


def _standard(maps):
    """Maps (batch, rows, columns, channels), each divided by the standard deviation of all its entries."""
    return maps * tf.math.rsqrt(tf.math.reduce_variance(maps, (1, 2, 3), keepdims=True) + 1e-12)

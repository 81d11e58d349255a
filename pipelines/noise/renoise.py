"""Fresh noise of the data's own kind for disturbed pairs: without it, UDL teaches an equivariant network nothing."""

import dataclasses

import tensorflow as tf

from pipelines import draws
from pipelines.noise import random_rows
from pipelines.noise.coloured import coloured


@dataclasses.dataclass(frozen=True)
class Background:
    """Adds noise with the power spectrum of a stack's background (`noise_spectrum.background_power`).

    Attributes:
        power: (rings,) radial power spectrum, for normalised images. level: 1 adds as much noise again as there is.
    """

    power: tuple
    level: float = 1.0

    def __call__(self, images, seed, first=0):
        """Images (batch, height, width) with new noise; seed int32 (2,); first: as in `random_rows`."""
        shape = (tf.shape(images)[0], images.shape[1], images.shape[2])
        power = tf.constant(self.power, tf.float32) * self.level
        return images + coloured(shape, power, seed, first)


@dataclasses.dataclass(frozen=True)
class White:
    """Adds white noise whose standard deviation is drawn anew for each image, uniformly: for pictures without background.

    Attributes:
        low, high: smallest and largest standard deviation, as a share of the image's own.
    """

    low: float = 0.1
    high: float = 1.0

    def __call__(self, images, seed, first=0):
        """Images (batch, height, width) with new noise; seed int32 (2,); first: as in `random_rows`."""
        seeds = draws.split(seed, 2)
        share = random_rows.uniform((tf.shape(images)[0], 1, 1), seeds[0], self.low, self.high, first)
        deviation = tf.math.reduce_std(images, axis=(1, 2), keepdims=True)
        shape = (tf.shape(images)[0], images.shape[1], images.shape[2])
        return images + share * deviation * random_rows.normal(shape, seeds[1], first)

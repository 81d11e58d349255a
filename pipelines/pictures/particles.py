"""Clean particles as a source of images: those of a stack, or phantoms as the ones that need no files."""

import numpy as np
import tensorflow as tf

from pipelines import draws
from pipelines.normalise import border_level
from pipelines.pictures import phantoms


class Particles:
    """Clean images of particles as `pipelines.pictures.crops.Pictures`: whole, one drawn at random for each place in a batch.

    Args:
        images: float32 (count, height, width). Their background, the median of each one's border, becomes zero.
        batch: images at a time. seed: integer. files: what the images were read from.

    Attributes:
        images: (count, height, width), background zero. files: as given.
    """

    def __init__(self, images, batch=64, seed=0, files=()):
        self.images, self.files = without_background(images), tuple(files)
        self._batch, self._seed = batch, seed

    def __len__(self):
        return len(self.images)

    @tf.autograph.experimental.do_not_convert
    def crops(self, start=None):
        """See `pipelines.pictures.crops.Pictures`."""
        images = tf.constant(self.images)
        numbers = tf.data.Dataset.range(start or 0, np.iinfo(np.int64).max)
        return numbers.map(lambda number: drawn(images, self._batch, self._seed, number))


class Phantoms(Particles):
    """`count` procedural particles of `box` pixels, see `phantoms.particles`. `seed` is theirs, and of the order."""

    def __init__(self, count, box=128, batch=64, seed=0):
        super().__init__(phantoms.particles(count, box, seed), batch, seed)


def drawn(images, batch, seed, number):
    """Batch `number` of the images (count, height, width) in memory: (batch, height, width), each one drawn at random."""
    own = tf.stack([tf.cast(seed, tf.int32), tf.cast(number, tf.int32)])
    chosen = draws.split(own, 1)[0]
    return tf.gather(images, draws.integers((batch,), chosen, 0, tf.shape(images)[0]))


def without_background(images):
    """Images (count, height, width) less the median of each one's border, float32."""
    images = np.asarray(images, np.float32)
    return images - border_level(images)[:, None, None]

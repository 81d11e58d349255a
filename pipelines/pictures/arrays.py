"""Pictures in memory as a source of crops, with dead leaves as the ones that need no files."""

import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.pictures.crops import crop_size, textured_crops
from pipelines.pictures.dead_leaves import dead_leaves

SMALLEST, ROOM = 256, 32  # pixels: dead leaves are larger than the crops, so that no two crops show the same


class ArrayPictures:
    """Pictures (n, height, width), grey levels 0 to 255, as `pipelines.pictures.crops.Pictures`.

    Args:
        images: the pictures. batch, patch, max_shift, seed: see `pipelines.pictures.crops.textured_crops`.

    Raises:
        InputError: not (n, height, width), or sides below half of the crops'.
    """

    files = ()

    def __init__(self, images, batch=64, patch=128, max_shift=10.0, seed=0):
        least = crop_size(patch, max_shift) // 2
        self._images = np.asarray(images, np.float32)
        if self._images.ndim != 3 or min(self._images.shape[1:]) < least:
            raise InputError(
                f"photos of shape {self._images.shape}: expected (n, height, width), sides of {least} pixels or more"
            )
        self._options = batch, patch, max_shift, seed

    def crops(self, start=None):
        """See `pipelines.pictures.crops.Pictures`."""
        stored = tf.constant(self._images)
        return textured_crops(len(self._images), lambda i: stored[i], "images", *self._options, start)


class DeadLeaves(ArrayPictures):
    """`count` dead-leaves pictures, large enough for the crops. `seed` is that of the pictures, and of the crops."""

    def __init__(self, count, batch=64, patch=128, max_shift=10.0, seed=0):
        size = max(SMALLEST, crop_size(patch, max_shift) + ROOM)
        super().__init__(dead_leaves(count, size, seed), batch, patch, max_shift, seed)

    def reordered(self, seed):
        """The same pictures, cut at other places and in another order."""
        batch, patch, max_shift, _ = self._options
        return ArrayPictures(self._images, batch, patch, max_shift, seed)

"""Photographs in a folder as a source of crops, decoded lazily."""

import tensorflow as tf

from pipelines.files import photo_files
from pipelines.pictures.crops import crop_size, textured_crops


class Photographs:
    """The JPEG and PNG files below a folder (of COCO, for instance) as `pipelines.pictures.crops.Pictures`.

    A photo is made grey. One whose short side is below the crops' is scaled up to it, at most twice: smaller files are skipped.

    Args:
        folder: searched recursively. batch, patch, max_shift, seed: see `pipelines.pictures.crops.textured_crops`.

    Attributes:
        files: paths of the photos that are used. notice: a line about those that were skipped, "" if there are none.

    Raises:
        InputError: no usable photo, see `photo_files.find_photos`.
    """

    def __init__(self, folder, batch=64, patch=128, max_shift=10.0, seed=0):
        found = photo_files.find_photos(folder, shortest=crop_size(patch, max_shift) // 2)
        self.files, self.notice = found.paths, found.notice()
        self._folder, self._options = folder, (batch, patch, max_shift, seed)

    def crops(self, start=None):
        """See `pipelines.pictures.crops.Pictures`; grey levels 0 to 255."""
        paths = tf.constant(self.files)
        return textured_crops(len(self.files), lambda i: _decode(paths[i]), self._folder, *self._options, start)


def _decode(path):
    """A JPEG or PNG file as grey float32 (height, width)."""
    image = tf.io.decode_image(tf.io.read_file(path), channels=1, expand_animations=False)
    return tf.cast(image, tf.float32)[..., 0]

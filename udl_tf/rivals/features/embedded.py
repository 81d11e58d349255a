"""The Exemplar-CNN that comes with the package, or one of `udl_tf.evaluate --table features`, and its maps as `Levels`.

``exemplar.npz`` beside this module is ``OUTPUT/models/KEY/weights.npz`` of

    python -m udl_tf.evaluate --table features --methods exemplar --steps 1500

which learns from dead leaves.
"""

import functools
import pathlib
import zipfile

import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from udl_tf.rivals.features import exemplar, surrogate
from udl_tf.rivals.features.levels import Levels

FILE = pathlib.Path(__file__).with_name("exemplar.npz")
LEAST, MOST = 32, 128  # pixels
FINER = 2  # times as large, the images of the second level
WEIGHTS = (1.0, 0.5)  # of the levels' distances
BEYOND = (exemplar.PATCH - exemplar.STRIDE) // 2  # pixels around an image


@functools.cache
def levels(path=FILE):
    """The `Levels` of an Exemplar-CNN.

    Args:
        path: of its weights, ``.npz``, as `tables.cache` keeps them.

    Raises:
        InputError: a file that does not hold them.
    """
    try:
        stored = np.load(path)
        values = [stored[name] for name in sorted(stored.files)]
    except (OSError, EOFError, ValueError, AttributeError, zipfile.BadZipFile):  # a file of one array has no names
        raise InputError(f"{path}: received a file that NumPy does not read, expected weights of an Exemplar-CNN") from None
    shapes = [value.shape for value in values]
    network = exemplar.trunk([shape[0] for shape in shapes[1::2] if len(shape) == 1]) if len(shapes) == 6 else None
    expected = [tuple(weight.shape) for weight in network.weights] if network else None
    if shapes != expected:
        raise InputError(f"{path}: received arrays of shapes {shapes}, expected the weights of an Exemplar-CNN")
    if not all(value.dtype.kind == "f" and np.isfinite(value).all() for value in values):
        raise InputError(f"{path}: received weights that are not finite numbers, expected those of an Exemplar-CNN")
    network.set_weights(values)
    return Levels(functools.partial(maps, network), WEIGHTS, exemplar.STRIDE // FINER, LEAST, MOST, exemplar.STRIDE)


@tf.function(autograph=False)
def maps(network, images):
    """Two levels of images (batch, height, width): they themselves, and twice as large; nodes as far apart as of the latter.

    The network pools twice. For the first level it sees the images moved, so that its nodes are those of the second.
    """
    height, width = images.shape[1:]
    flat = surrogate.flattened(images)
    larger = surrogate.flattened(tf.image.resize(images[..., None], (FINER * height, FINER * width))[..., 0])
    room = BEYOND + FINER
    around = reflected(flat, room)
    begins = [FINER + step * exemplar.STRIDE // FINER - 1 for step in range(FINER)]  # a node of the second is half as wide
    parts = [
        network(around[:, row : row + height + 2 * BEYOND, column : column + width + 2 * BEYOND, None], training=False)
        for row in begins
        for column in begins
    ]
    rows, columns, channels = parts[0].shape[1:]
    parts = tf.reshape(tf.stack(parts, 1), (-1, FINER, FINER, rows, columns, channels))
    coarse = tf.reshape(tf.transpose(parts, (0, 3, 1, 4, 2, 5)), (-1, FINER * rows, FINER * columns, channels))
    return [coarse, network(reflected(larger, BEYOND)[..., None], training=False)]


def reflected(images, room):
    """Images (batch, height, width) with `room` pixels more on each side, reflected, however narrow they are."""
    for axis in (1, 2):
        last = images.shape[axis] - 1
        place = np.abs(np.arange(-room, last + room + 1)) % max(2 * last, 1)
        images = tf.gather(images, np.minimum(place, 2 * last - place), axis=axis)
    return images

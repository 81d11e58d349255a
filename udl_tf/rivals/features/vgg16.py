"""VGG16 (Simonyan and Zisserman 2015) from a file of Keras, and three of its levels as `Levels` (Yang et al. 2018)."""

import functools
import math
import warnings
import zipfile

import tensorflow as tf

from pipelines.errors import InputError
from udl_tf.rivals.features.levels import Levels

STRIDE = 8  # pixels between two nodes of the first level
LEAST, MOST = 224, 448  # pixels
COARSEST = 32  # pixels between two nodes of the last level
WEIGHTS = (math.sqrt(2.0), 1.0, 1.0)  # of the levels' distances: the first has half as many channels
GREY = 64.0, 128.0  # of images with standard deviation 1 and mean 0, 8 bits


@functools.cache
def levels(path):
    """The `Levels` of a VGG16: the poolings of blocks 3 and 4, and one behind the first convolution of block 5.

    Args:
        path: of the weights without the dense layers, as Keras writes and offers them (``.h5``, ``.weights.h5``, ``.keras``).

    Raises:
        InputError: a file that Keras does not load into VGG16.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras 3 warns of layers that it leaves as they were drawn
            network = tf.keras.applications.VGG16(weights=str(path), include_top=False)
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, UserWarning, zipfile.BadZipFile) as error:
        told = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{path}: expected Keras weights of VGG16 without its dense layers, received what it refuses: {told}"
        ) from None
    first, second, third = (network.get_layer(name).output for name in ("block3_pool", "block4_pool", "block5_conv1"))
    third = tf.keras.layers.MaxPooling2D(2)(third)
    both = [tf.keras.layers.UpSampling2D(times)(level) for times, level in ((2, second), (4, third))]
    trunk = tf.keras.Model(network.input, [first, *both])

    @tf.function(autograph=False)
    def maps(images):
        middle = tf.reduce_mean(images, (1, 2), keepdims=True)
        images = (images - middle) * tf.math.rsqrt(tf.reduce_mean((images - middle) ** 2, (1, 2), keepdims=True) + 1e-12)
        seen = tf.clip_by_value(GREY[0] * images + GREY[1], 0.0, 255.0)
        colours = tf.keras.applications.vgg16.preprocess_input(tf.repeat(seen[..., None], 3, -1))
        return trunk(colours, training=False)

    return Levels(maps, WEIGHTS, STRIDE, LEAST, MOST, COARSEST)

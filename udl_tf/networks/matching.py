"""Feature matching: every location of one image's features compared with every location of the other's.

Rocco, Arandjelovic, Sivic, "Convolutional neural network architecture for geometric matching", CVPR 2017 (the paper's
ref. [27]): descriptors are L2-normalised, their inner products pass a ReLU and are L2-normalised over the correlation
channels, so that an ambiguous match counts less than a unique one.
"""

import tensorflow as tf

from udl_tf.networks.mask import conv_block


@tf.keras.utils.register_keras_serializable(package="udl_tf")
class Matching(tf.keras.layers.Layer):
    """Correlation maps both ways.

    Call with ``[fixed, moving]``, each (batch, h, w, channels). Returns two maps (batch, h, w, h * w): in the first,
    the spatial axes are the locations of `fixed` and the channels those of `moving` (row-major); in the second the
    other way.
    """

    def call(self, inputs):
        fixed, moving = inputs
        h, w, channels = fixed.shape[1:]
        fixed = tf.math.l2_normalize(tf.reshape(fixed, (-1, h * w, channels)), axis=-1)  # (batch, h w, channels)
        moving = tf.math.l2_normalize(tf.reshape(moving, (-1, h * w, channels)), axis=-1)
        similarity = tf.nn.relu(tf.matmul(fixed, moving, transpose_b=True))  # (batch, fixed location, moving location)
        there = tf.math.l2_normalize(similarity, axis=2)
        back = tf.math.l2_normalize(tf.transpose(similarity, (0, 2, 1)), axis=2)
        return tf.reshape(there, (-1, h, w, h * w)), tf.reshape(back, (-1, h, w, h * w))


def match_encoder(shape, widths=(128, 256)):
    """Convolutional blocks that follow the matching layer; one model, shared by both ways (paper section 3.3).

    Args:
        shape: of one correlation map, (h, w, h * w).
        widths: channels of each 3x3 block.

    Returns:
        A model (batch, h, w, h * w) -> (batch, h, w, widths[-1]).
    """
    layers = [layer for width in widths for layer in conv_block(width)]
    return tf.keras.Sequential([tf.keras.Input(shape), *layers], name="match_encoder")

"""Mask prediction: where in the image the significant areas are (paper section 3.3, after its ref. [38])."""

import tensorflow as tf

from pipelines.errors import InputError
from udl_tf.networks.batch_norm import BatchNormalization


def batch_norm():
    """Batch normalisation that follows its running averages as fast as the paper's framework does (0.1 a step).

    In the scope of a strategy with several replicas its statistics are those of the whole batch.
    """
    synchronized = tf.distribute.get_strategy().num_replicas_in_sync > 1
    return BatchNormalization(momentum=0.9, epsilon=1e-5, synchronized=synchronized)


def conv_block(width, activation="relu"):
    """The paper's convolutional block (section 4.1) as a list of layers: 3x3 convolution, batch norm, activation."""
    return [
        tf.keras.layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer="he_normal"),
        batch_norm(),
        tf.keras.layers.Activation(activation),
    ]


def mask(shape, widths=(4, 8, 16, 32, 1)):
    """Convolutional blocks of the given widths, ReLU, the last one sigmoid.

    Args:
        shape: of one input, (height, width, channels).
        widths: channels of each block; the last must be 1.

    Returns:
        A model (batch, height, width, channels) -> (batch, height, width, 1) in (0, 1).

    Raises:
        InputError: the last width is not 1.
    """
    if not widths or widths[-1] != 1:
        raise InputError(f"mask widths: received {widths}, expected at least one and the last to be 1")
    layers = [layer for width in widths[:-1] for layer in conv_block(width)] + conv_block(1, "sigmoid")
    return tf.keras.Sequential([tf.keras.Input(shape), *layers], name="mask")

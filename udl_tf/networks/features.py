"""Feature extraction: bottleneck residual blocks, each followed by 2x2 max pooling (paper sections 3.3 and 4.1)."""

import tensorflow as tf

from udl_tf.networks.mask import batch_norm


def features(shape, widths=(32, 64, 128, 256), squeeze=4):
    """Residual blocks of the given widths; each halves height and width.

    Args:
        shape: of one input, (height, width, channels).
        widths: channels that leave each block.
        squeeze: the 1x1 and 3x3 convolutions inside a block have ``width // squeeze`` channels, as in He et al.'s
            bottleneck (the paper does not print this figure).

    Returns:
        A model (batch, height, width, channels) -> (batch, height / 2^n, width / 2^n, widths[-1]).
    """
    inputs = tf.keras.Input(shape)
    x = inputs
    for width in widths:
        x = residual_block(x, width, max(1, width // squeeze))
        x = tf.keras.layers.MaxPooling2D(2)(x)
    return tf.keras.Model(inputs, x, name="features")


def residual_block(x, width, inner):
    """1x1, 3x3, 1x1 convolutions beside a 1x1 shortcut, all with batch norm; ReLU after the sum (paper section 4.1)."""
    y = _convolution_norm(x, inner, 1)
    y = tf.keras.layers.ReLU()(y)
    y = _convolution_norm(y, inner, 3)
    y = tf.keras.layers.ReLU()(y)
    y = _convolution_norm(y, width, 1)
    shortcut = _convolution_norm(x, width, 1)
    return tf.keras.layers.ReLU()(tf.keras.layers.Add()([y, shortcut]))


def _convolution_norm(x, width, kernel):
    x = tf.keras.layers.Conv2D(width, kernel, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    return batch_norm()(x)

"""Convolution modules of the networks on sections (section 3.1): full pre-activation residual units, valid convolutions.

::

    x ── norm ── ReLU ── 3x3 ── norm ── ReLU ── 3x3 ──┐
    └────────────── cropped by 2 (1x1) ───────────────+──

The filters' sides are lost from the source's text: 3 is our choice, as in He et al.
"""

import tensorflow as tf

from udl_tf.networks.batch_norm import BatchNormalization

CONVOLUTIONS = {2: tf.keras.layers.Conv2D, 3: tf.keras.layers.Conv3D}
CROPPINGS = {2: tf.keras.layers.Cropping2D, 3: tf.keras.layers.Cropping3D}
SHRINKS = 2  # pixels that a module takes from every border


def module(x, maps, norm=True, first=False, silent=False, dimensions=2):
    """One module.

    Args:
        x: (batch, ..., height, width, channels), two or three dimensions. maps: channels that leave it.
        norm: whether batch norm precedes each activation. first: nothing precedes the first convolution, as in He et al.
        silent: its output is zero until it is trained.

    Returns:
        (batch, ..., height - 4, width - 4, maps); of three dimensions the depth is smaller by 4, too.
    """
    convolution = CONVOLUTIONS[dimensions]
    start = {"kernel_initializer": "zeros" if silent else "he_normal"}
    inner = max(maps, x.shape[-1])
    y = convolution(inner, 3, kernel_initializer="he_normal")(x if first else activated(x, norm))
    y = convolution(maps, 3, **start)(activated(y, norm))
    skipped = CROPPINGS[dimensions](SHRINKS)(x)
    if silent or x.shape[-1] != maps:
        skipped = convolution(maps, 1, use_bias=False, **start)(skipped)
    return tf.keras.layers.Add()([y, skipped])


def activated(x, norm=True):
    """ReLU after batch norm."""
    return tf.keras.layers.ReLU()(BatchNormalization()(x) if norm else x)

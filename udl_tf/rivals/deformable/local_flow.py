"""What Lucas and Kanade (1981) say of each place of a pair, as channels that a network sees besides the images.

Convolutions add, and where a pixel comes from follows from products: of gradients, and of gradients with differences. A network
that is given these in small windows learns in minutes what else takes it hours.
"""

import tensorflow as tf

from udl_tf.alignment.gauss_newton import gradients
from udl_tf.rivals.windows import box_mean, node_mean

WINDOWS = ((3, 7), (5, 15))  # pixels: of a mean beforehand, and of the place that moves as one
DAMPING = 0.05  # of the image's mean squared gradient: a place without texture moves little


class LocalFlow(tf.keras.layers.Layer):
    """(fixed, moving), each (batch, height, width), to displacements (batch, height, width, 2 x windows), pulled, pixels."""

    def call(self, images):
        return tf.concat([local_flow(*images, blur, window) for blur, window in WINDOWS], -1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[0], 2 * len(WINDOWS))


def local_flow(fixed, moving, blur, window):
    """The displacement (batch, height, width, 2) that least squares find in a window around each place, at most half of it.

    Args:
        fixed, moving: float32 (batch, height, width). blur, window: pixels, odd.
    """
    means = box_mean(_products(fixed, moving, blur), window)
    return _solved(means, means, window)


def flow_at_nodes(fixed, moving, blur, window, size, spacing):
    """`local_flow` at the nodes (rows, columns) of a grid alone, `spacing` pixels apart: (batch, rows, columns, 2)."""
    products = _products(fixed, moving, blur)
    return _solved(node_mean(products, window, size, spacing), products, window)


def _products(fixed, moving, blur):
    """Products of gradients x and y and of the images' difference t: (5, batch, height, width), xx, xy, yy, xt, yt."""
    fixed, moving = box_mean(fixed, blur), box_mean(moving, blur)
    x, y = (part[..., 0] for part in gradients(0.5 * (fixed + moving)[..., None]))
    change = fixed - moving
    return tf.stack([x * x, x * y, y * y, x * change, y * change])


def _solved(means, products, window):
    """The displacements that means (5, batch, rows, columns) of such products over windows tell of."""
    xx, xy, yy, xt, yt = tf.unstack(means)
    damping = DAMPING * tf.reduce_mean(products[0] + products[2], (1, 2), keepdims=True) + 1e-6
    xx, yy = xx + damping, yy + damping
    found = tf.stack([yy * xt - xy * yt, xx * yt - xy * xt], -1) / (xx * yy - xy * xy)[..., None]
    return tf.clip_by_value(found, -window / 2.0, window / 2.0)

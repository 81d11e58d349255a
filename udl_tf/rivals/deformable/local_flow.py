"""What Lucas and Kanade (1981) say of each place of a pair, as channels that a network sees besides the images.

Convolutions add, and where a pixel comes from follows from products: of gradients, and of gradients with differences. A network
that is given these in small windows learns in minutes what else takes it hours.
"""

import tensorflow as tf

from udl_tf.alignment.gauss_newton import gradients
from udl_tf.rivals.windows import box_mean

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
    fixed, moving = box_mean(fixed, blur), box_mean(moving, blur)
    x, y = (part[..., 0] for part in gradients(0.5 * (fixed + moving)[..., None]))
    change = fixed - moving
    products = tf.stack([x * x, x * y, y * y, x * change, y * change])
    xx, xy, yy, xt, yt = tf.unstack(box_mean(products, window))  # each (batch, height, width)
    damping = DAMPING * tf.reduce_mean(xx + yy, (1, 2), keepdims=True) + 1e-6
    xx, yy = xx + damping, yy + damping
    found = tf.stack([yy * xt - xy * yt, xx * yt - xy * xt], -1) / (xx * yy - xy * xy)[..., None]
    return tf.clip_by_value(found, -window / 2.0, window / 2.0)

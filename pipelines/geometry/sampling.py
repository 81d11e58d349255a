"""Bilinear sampling by gathers: the warp kernel of TensorFlow gives no gradient to the transform, this does."""

import tensorflow as tf


def bilinear(images, points):
    """Values of images between their pixels; outside, where no pixel is within one pixel, zero.

    Differentiable in the images and in the points (Jaderberg et al., the sampler of a spatial transformer).

    Args:
        images: float32 (batch, height, width). points: (batch, n, 2), (x, y) in pixels from the centre.

    Returns:
        (batch, n).
    """
    height, width = images.shape[1], images.shape[2]
    x = points[..., 0] + (width - 1) / 2.0 + 1.0  # counted in the image with its frame of zeros
    y = points[..., 1] + (height - 1) / 2.0 + 1.0
    padded = tf.reshape(tf.pad(images, [[0, 0], [1, 1], [1, 1]]), (-1, (height + 2) * (width + 2)))
    # Beyond the frame both neighbours are zeros of the frame; a place that is not a number is put there too.
    x = tf.where(tf.math.is_finite(x), tf.clip_by_value(x, 0.0, width + 1.0), 0.0)
    y = tf.where(tf.math.is_finite(y), tf.clip_by_value(y, 0.0, height + 1.0), 0.0)
    left, top = tf.minimum(tf.floor(x), float(width)), tf.minimum(tf.floor(y), float(height))
    right, down = x - left, y - top  # in [0, 1]
    index = tf.cast(top, tf.int32) * (width + 2) + tf.cast(left, tf.int32)

    def value(offset):
        return tf.gather(padded, index + offset, batch_dims=1)

    upper = value(0) * (1.0 - right) + value(1) * right
    lower = value(width + 2) * (1.0 - right) + value(width + 3) * right
    return upper * (1.0 - down) + lower * down

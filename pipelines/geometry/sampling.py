"""Bilinear sampling by gathers: the warp kernel of TensorFlow gives no gradient to the transform, this does."""

import tensorflow as tf

from pipelines.errors import InputError

FILL_MODES = ("constant", "reflect")


def bilinear(images: tf.Tensor, points: tf.Tensor, fill_mode: str = "constant") -> tf.Tensor:
    """Values of images between their pixels.

    Differentiable in the images and in the points (Jaderberg et al., the sampler of a spatial transformer).

    Args:
        images: float32 (batch, height, width). points: (batch, n, 2), (x, y) in pixels from the centre.
        fill_mode: what lies outside: ``constant``, zeros where no pixel is within one pixel, or ``reflect``, the image mirrored
            at the outer edges of its border pixels.

    Returns:
        (batch, n). A point that is not finite has the value 0.

    Raises:
        InputError: another fill mode.
    """
    height, width = images.shape[1], images.shape[2]
    return at_pixels(images, points[..., 0] + (width - 1) / 2.0, points[..., 1] + (height - 1) / 2.0, fill_mode)


def at_pixels(images: tf.Tensor, x: tf.Tensor, y: tf.Tensor, fill_mode: str = "constant") -> tf.Tensor:
    """`bilinear` at places x, y (batch, n) counted from the centre of the first pixel."""
    height, width = images.shape[1], images.shape[2]
    if fill_mode not in FILL_MODES:
        raise InputError(f"sampling: received the fill mode {fill_mode!r}, expected one of {', '.join(FILL_MODES)}")
    if fill_mode == "reflect":
        x, y = _mirrored(x, width), _mirrored(y, height)
    x, y = x + 1.0, y + 1.0  # counted in the image with its frame of zeros
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


def _mirrored(place, size):
    """Places along an axis of `size` pixels, brought into it: between the edge and its pixel's centre nothing changes."""
    place = tf.where(place < 0.0, -1.0 - place, place)
    place = tf.math.floormod(place, 2.0 * size)
    return tf.clip_by_value(tf.where(place < size, place, 2.0 * size - 1.0 - place), 0.0, size - 1.0)

"""Bring square images from one size to another through their spectrum."""

import numpy as np
import tensorflow as tf


def fourier_resample(images, box):
    """Resample images to `box` pixels by cropping or zero-padding their centred spectrum.

    Grey values keep their mean, and the centre ((N - 1) / 2) of the image stays the centre ((box - 1) / 2): a rigid
    transform (angle, shift) of an image is (angle, `scale_shift` (shift)) of its resampled copy. The Nyquist term of an
    even size is split between its two signs when padding and the two are added when cropping, so that up and down again
    is exact.

    The crop, the phase shift that moves the centre, and both Fourier transforms are one real matrix a side. Two matrix
    products are faster than the transforms; on a GPU with TensorFlow's default TF32 they are good to about 1e-3.

    Args:
        images: float32 (batch, height, width), height = width, known or not while tracing.
        box: number of pixels wanted, int or int tensor.

    Returns:
        float32 (batch, box, box).
    """
    images = tf.convert_to_tensor(images, tf.float32)
    if images.shape[1] == box and images.shape[2] == box:
        return images
    matrix = _matrix(tf.shape(images)[1], box)  # (box, size)
    rows = tf.matmul(images, matrix, transpose_b=True)  # along x: (batch, size, box)
    return tf.matmul(matrix, rows)  # along y: (batch, box, box)


def scale_shift(shift, size, box):
    """The same displacement, in pixels of images of `size`, counted in pixels of images resampled to `box`."""
    return shift * (box / size)


def _matrix(size, box):
    """Resampling of one axis, float32 (box, size): trigonometric interpolation of the frequencies both sizes hold.

    Row m samples it at ``x_m = (m - (box - 1) / 2) size / box + (size - 1) / 2``; frequency k contributes
    ``g_k / size cos(2 pi k (x_m - n) / size)``, where g_k counts the signs of k that are kept.
    """
    n = tf.cast(tf.range(size), tf.float64)
    m = tf.cast(tf.range(box), tf.float64)
    size, box = tf.cast(size, tf.float64), tf.cast(box, tf.float64)
    x = (m - (box - 1.0) / 2.0) * (size / box) + (size - 1.0) / 2.0
    common = tf.minimum(size, box)
    k = tf.range(tf.floor(common / 2.0) + 1.0, dtype=tf.float64)
    # The spectrum of an even-sized image holds its Nyquist frequency once: half of it belongs to each sign.
    once = tf.logical_or(k == 0.0, tf.logical_and(k * 2.0 == size, size <= box))
    g = tf.where(once, tf.ones_like(k), 2.0 * tf.ones_like(k)) / size
    turn = 2.0 * np.pi * k[:, None] / size
    at_output, at_input = turn * x[None, :], turn * n[None, :]  # (k, box), (k, size)
    matrix = tf.matmul(g[:, None] * tf.cos(at_output), tf.cos(at_input), transpose_a=True)
    matrix += tf.matmul(g[:, None] * tf.sin(at_output), tf.sin(at_input), transpose_a=True)
    return tf.cast(matrix, tf.float32)

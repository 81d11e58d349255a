"""Means over windows as products of matrices: on a CPU far quicker than pooling."""

import numpy as np
import tensorflow as tf


def box_mean(images, window):
    """Mean of the `window` x `window` pixels around each pixel, at the border of those that are there.

    Args:
        images: float32 (..., height, width). window: pixels, odd.
    """
    images = tf.convert_to_tensor(images)
    mean = _product(images, *(_rows(size, window) for size in images.shape[-2:]))
    return tf.ensure_shape(tf.reshape(mean, tf.shape(images)), images.shape)


def node_mean(images, window, size, spacing):
    """Mean of the pixels at most half a window away, along each axis, from the nodes of a grid; 0 at nodes beyond the image.

    Args:
        images: float32 (..., height, width); its middle is the grid's. window, spacing: pixels. size: (rows, columns).

    Returns:
        (..., rows, columns).
    """
    images = tf.convert_to_tensor(images)
    mean = _product(images, *(_nodes(*sizes, window, spacing) for sizes in zip(images.shape[-2:], size, strict=True)))
    return tf.ensure_shape(tf.reshape(mean, tf.concat([tf.shape(images)[:-2], size], 0)), (*images.shape[:-2], *size))


def _product(images, down, across):
    """Images between a matrix (rows, height) and one (columns, width): (n, rows, columns)."""
    flat = tf.reshape(images, (-1, *images.shape[-2:]))  # a matrix times (n, 1, rows, columns) is a crash in TF 2.21 on some CPUs
    return tf.matmul(tf.constant(down), tf.matmul(flat, tf.constant(across), transpose_b=True))


def _rows(size, window):
    """Matrix (size, size), each row the mean of the pixels around its own."""
    place = np.arange(size)
    near = (np.abs(place[:, None] - place) <= window // 2).astype(np.float32)
    return near / near.sum(1, keepdims=True)


def _nodes(size, count, window, spacing):
    """Matrix (count, size), each row the mean of the pixels around a node."""
    place = (np.arange(count) - (count - 1) / 2.0) * spacing + (size - 1) / 2.0
    inside = (place >= 0.0) & (place <= size - 1.0)
    near = (np.abs(place[:, None] - np.arange(size)) <= window / 2.0) & inside[:, None]
    return (near / np.maximum(near.sum(1, keepdims=True), 1)).astype(np.float32)

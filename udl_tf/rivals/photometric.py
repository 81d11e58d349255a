"""The loss of unsupervised alignment by pixels: how much two images differ once one is laid over the other."""

import tensorflow as tf

from pipelines import geometry
from pipelines.geometry import homography
from pipelines.geometry.sampling import bilinear


def absolute_difference(target, source, matrix):
    """Mean ``|source(matrix p) - target(p)|`` over the pixels p of `target` whose places lie within `source`: L1 of the overlap.

    Differentiable in the images and, but for which pixels overlap, in the matrix. Where none does, `target` is compared with
    zero, the mean of a normalised image: leaving the picture is no way to a small loss.

    Args:
        target: float32 (batch, h, w). source: (batch, height, width), may be larger; both have one centre.
        matrix: homography (batch, 3, 3) from points of `target` to points of `source`.

    Returns:
        (batch,).
    """
    grid = tf.reshape(geometry.centred_grid(target.shape[1], target.shape[2]), (1, -1, 2))
    places = homography.apply(matrix, tf.tile(grid, (tf.shape(target)[0], 1, 1)))  # (batch, h w, 2)
    half = tf.constant([source.shape[2] - 1.0, source.shape[1] - 1.0]) / 2.0
    inside = tf.cast(tf.reduce_all(tf.abs(places) <= half, -1), tf.float32)
    flat = tf.reshape(target, tf.shape(inside))
    count = tf.reduce_sum(inside, 1)
    overlap = tf.reduce_sum(inside * tf.abs(bilinear(source, places) - flat), 1)
    return tf.where(count > 0.0, tf.math.divide_no_nan(overlap, count), tf.reduce_mean(tf.abs(flat), 1))

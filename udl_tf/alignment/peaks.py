"""Separate peaks of a correlation over angles."""

import collections

import numpy as np
import tensorflow as tf

Peaks = collections.namedtuple("Peaks", "angle value index")


def peaks(correlation, count, period, separation=6.0):
    """The `count` highest local maxima at least `separation` degrees apart, highest first.

    Args:
        correlation: (batch, angles), circular, over `period` degrees.

    Returns:
        `Peaks`, each (batch, count): angle in degrees in [0, period), interpolated by a parabola; value of the correlation and
        index of the sample. Where there are fewer maxima the highest remaining values fill up.
    """
    samples = correlation.shape[1]
    reach = int(np.ceil(separation * samples / period))
    distance = np.abs((np.arange(samples)[:, None] - np.arange(samples)[None, :] + samples // 2) % samples - samples // 2)
    near = tf.constant(distance <= reach)  # (angles, angles)
    padded = tf.concat([correlation[:, -1:], correlation, correlation[:, :1]], 1)
    left, right = padded[:, :-2], padded[:, 2:]
    offset = parabola_peak(left, correlation, right)
    is_top = tf.logical_and(correlation >= left, correlation > right)
    remaining = tf.where(is_top, correlation, correlation - 4.0)  # all maxima rank above all other values
    indices = []
    for _ in range(count):
        best = tf.argmax(remaining, axis=1, output_type=tf.int32)
        indices.append(best)
        remaining = tf.where(tf.gather(near, best), -9.0, remaining)
    index = tf.stack(indices, 1)
    angle = (tf.cast(index, tf.float32) + tf.gather(offset, index, batch_dims=1)) * (period / samples)
    return Peaks(angle % period, tf.gather(correlation, index, batch_dims=1), index)


def parabola_peak(left, middle, right):
    """Offset in [-0.5, 0.5] of the peak of the parabola through three equally spaced values."""
    curvature = left - 2.0 * middle + right
    return tf.clip_by_value(tf.math.divide_no_nan(0.5 * (left - right), curvature), -0.5, 0.5)

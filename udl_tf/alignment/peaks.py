"""Separate peaks of a correlation over angles."""

import numpy as np
import tensorflow as tf

from udl_tf.alignment.translation import parabola_peak


def peaks(correlation, count, period, separation=6.0):
    """The `count` highest local maxima at least `separation` degrees apart, highest first.

    Args:
        correlation: (batch, angles), circular, over `period` degrees.

    Returns:
        Angles (batch, count) in degrees in [0, period), interpolated by a parabola. Where there are fewer maxima the highest
        remaining values fill up.
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
    found = []
    for _ in range(count):
        best = tf.argmax(remaining, axis=1)
        found.append((tf.cast(best, tf.float32) + tf.gather(offset, best, batch_dims=1)) * (period / samples))
        remaining = tf.where(tf.gather(near, best), -9.0, remaining)
    return tf.stack(found, 1) % period

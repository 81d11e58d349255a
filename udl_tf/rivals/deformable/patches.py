"""Overlapping square patches of images and fields, and one field of what was found for each patch."""

import numpy as np
import tensorflow as tf


def starts(size, patch, stride):
    """Where patches begin, ints (n,): from the first place to the last, evenly, at most `stride` apart."""
    count = -(-(size - patch) // stride) + 1
    return np.round(np.linspace(0, size - patch, count)).astype(np.int64)


def cut(images, places, patch):
    """Patches (batch, n, n, patch, patch, channels) of images (batch, size, size, channels) that begin at `places` (n,)."""
    ends = [(int(place), int(place) + patch) for place in places]
    found = tf.stack([images[:, top:bottom, left:right] for top, bottom in ends for left, right in ends], 1)
    return tf.reshape(found, (-1, len(ends), len(ends), patch, patch, images.shape[-1]))


def assembled(patches, places, size):
    """The field (batch, size, size, channels) whose values are the means of all patches that cover a place; 0 where none does.

    Args:
        patches: (batch, n, n, patch, patch, channels). places: (n,), see `cut`.
    """
    index = places[:, None] + np.arange(patches.shape[3])
    where = tf.constant(np.eye(size, dtype=np.float32)[index])  # (n, patch, size)
    covered = tf.reduce_sum(where, (0, 1))
    total = tf.einsum("bnmuvc,nur,mvs->brsc", patches, where, where)
    return tf.math.divide_no_nan(total, (covered[:, None] * covered)[..., None])

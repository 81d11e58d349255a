"""Grey values to mean 0 and standard deviation 1, and the images for which there is no such thing."""

import logging

import numpy as np
import tensorflow as tf

LOG = logging.getLogger(__name__)
LISTED = 20  # indices named in a message before it says how many more there are


def usable(images):
    """Which of images (batch, height, width) are finite and not constant: bool (batch,)."""
    finite = tf.reduce_all(tf.math.is_finite(images), axis=[1, 2])
    span = tf.reduce_max(images, axis=[1, 2]) - tf.reduce_min(images, axis=[1, 2])
    return tf.logical_and(finite, tf.logical_and(span >= np.finfo(np.float32).tiny, tf.math.is_finite(span)))


def normalise(images):
    """Each image to mean 0 and standard deviation 1; one that is not `usable` becomes zeros.

    Args:
        images: float32 (batch, height, width), any grey values.

    Returns:
        float32 (batch, height, width), finite.
    """
    images = tf.convert_to_tensor(images, tf.float32)
    good = usable(images)[:, None, None]
    images = tf.where(good, images, tf.zeros_like(images))
    low = tf.reduce_min(images, axis=[1, 2], keepdims=True)
    span = tf.reduce_max(images, axis=[1, 2], keepdims=True) - low
    # To [0, 1] first: the square of a raw grey value may leave the range of float32, and a large offset costs digits.
    images = (images - low) / tf.where(good, span, tf.ones_like(span))
    images -= tf.reduce_mean(images, axis=[1, 2], keepdims=True)
    deviation = tf.sqrt(tf.reduce_mean(tf.square(images), axis=[1, 2], keepdims=True))
    return images / tf.where(good, deviation, tf.ones_like(deviation))


def border_level(images):
    """Median of the outermost pixels of each of images (batch, height, width), NumPy (batch,): the background's grey value."""
    border = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1)
    return np.median(border, axis=1)


def unusable(images, offset=0):
    """NumPy side of `usable`, for reports: (indices not finite, indices constant), each counted from `offset`."""
    images = np.asarray(images)
    low, high = images.min(axis=(1, 2)), images.max(axis=(1, 2))  # NaN and infinity show in these
    finite = np.isfinite(low) & np.isfinite(high)
    return np.flatnonzero(~finite) + offset, np.flatnonzero(finite & (low == high)) + offset


def report_unusable(not_finite, constant, names=None):
    """One line that names the images left out, or None where there are none. Indices count from 0.

    Args:
        not_finite, constant: indices, as from `unusable` (concatenate those of several chunks). names: of all images.
    """
    said = [
        f"{_listed(indices, names)} {why}"
        for indices, why in ((not_finite, "not finite (NaN or infinity)"), (constant, "constant"))
        if len(indices)
    ]
    return f"images left out: {'; '.join(said)}" if said else None


def check_images(images, names=None, offset=0):
    """Log one line about the images that cannot be aligned and return which can: bool (n,).

    Args:
        images: (n, height, width). names: of the images, for the message. offset: index of the first, for the message.
    """
    not_finite, constant = unusable(images)
    shown = (not_finite, constant) if names is not None else (not_finite + offset, constant + offset)
    message = report_unusable(*shown, names)
    if message:
        LOG.warning("%s", message)
    mask = np.ones(len(images), bool)
    mask[not_finite] = mask[constant] = False
    return mask


def _listed(indices, names):
    shown = [str(names[index]) if names is not None else str(index) for index in indices[:LISTED]]
    rest = len(indices) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")

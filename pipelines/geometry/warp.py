"""Turn, move and crop batches of images."""

import tensorflow as tf

from pipelines import compat, geometry


def warp(images, angle, shift, interpolation="bilinear", fill_mode="constant"):
    """Turn images by `angle` degrees counter-clockwise, then move them by `shift` pixels.

    Args:
        images: float32 (batch, height, width).
        angle: (batch,) degrees. shift: (batch, 2) pixels (dx, dy).
        interpolation: ``bilinear`` or ``nearest``.
        fill_mode: what lies outside: ``constant`` (zeros), ``reflect``, ``wrap`` or ``nearest``.

    Returns:
        float32 (batch, height, width). No gradient flows to angle or shift.
    """
    shape = tf.shape(images)
    transforms = geometry.sampling_transform(angle, shift, shape[1], shape[2])
    return compat.projective_transform(images[..., None], transforms, interpolation, fill_mode)[..., 0]


def centre_crop(images, size):
    """The central (batch, size, size) of images (batch, height, width)."""
    height, width = images.shape[1], images.shape[2]
    top, left = (height - size) // 2, (width - size) // 2
    return images[:, top : top + size, left : left + size]

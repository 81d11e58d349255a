"""Turn, move, bend and crop batches of images: one warp with two backends.

``kernel`` is TensorFlow's ImageProjectiveTransformV3: fast, four fill modes, no gradient to the transform. ``gather`` is
`pipelines.geometry.sampling`: the same values, differentiable in the transform, compiled by XLA, and the only one that bends.
Where none is asked for it is the kernel, but within `pipelines.xla.program`.
"""

import tensorflow as tf

from pipelines import compat, geometry, xla
from pipelines.errors import InputError
from pipelines.geometry import homography, sampling
from pipelines.geometry.conventions import ArrayOrTensor
from pipelines.geometry.displacement import displacement_at

BACKENDS = ("kernel", "gather")


def warp(
    images: ArrayOrTensor,
    angle: ArrayOrTensor,
    shift: ArrayOrTensor,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    backend: str | None = None,
) -> tf.Tensor:
    """Turn images by `angle` degrees counter-clockwise, then move them by `shift` pixels.

    Args:
        images: float32 (batch, height, width).
        angle: (batch,) degrees. shift: (batch, 2) pixels (dx, dy).
        interpolation: ``bilinear`` or, of the kernel, ``nearest``.
        fill_mode: what lies outside: ``constant`` (zeros), ``reflect`` or, of the kernel, ``wrap`` or ``nearest``.
        backend: one of `BACKENDS`, or None, see above; ``kernel`` lets no gradient flow to angle or shift.

    Returns:
        float32 (batch, height, width).
    """
    shape = tf.shape(images)
    transforms = geometry.sampling_transform(angle, shift, shape[1], shape[2])
    return resampled(images, transforms, interpolation, fill_mode, backend)


def pulled(images: ArrayOrTensor, matrix: ArrayOrTensor, fill_mode: str = "constant", backend: str | None = None) -> tf.Tensor:
    """Images (batch, height, width) as they are found at places: each pixel q shows what lies at ``matrix q``.

    Args:
        matrix: homographies (batch, 3, 3) on points from the centre. To bring images to where a homography takes them, give its
            inverse. fill_mode, backend: see `warp`.
    """
    transforms = homography.sampling_transform(matrix, images.shape[1], images.shape[2])
    return resampled(images, transforms, "bilinear", fill_mode, backend)


def displaced(images: tf.Tensor, field: tf.Tensor, spacing: float, fill_mode: str = "constant") -> tf.Tensor:
    """Images (batch, height, width) bent by a pulled field (batch, rows, columns, 2), see `pipelines.geometry.displacement`.

    Differentiable in images and field. fill_mode: ``constant`` or ``reflect``.
    """
    grid = tf.constant(geometry.centred_grid(images.shape[1], images.shape[2]).reshape(1, -1, 2))
    points = tf.tile(grid, (tf.shape(images)[0], 1, 1))  # (batch, height width, 2)
    places = points + displacement_at(field, spacing, points)
    return tf.reshape(sampling.bilinear(images, places, fill_mode), tf.shape(images))


def resampled(
    images: ArrayOrTensor,
    transforms: tf.Tensor,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    backend: str | None = None,
) -> tf.Tensor:
    """Images (batch, height, width) through the kernel's maps (batch, 8), see `compat.projective_transform`, by a backend.

    Raises:
        InputError: unknown backend, or what ``gather`` does not have.
    """
    backend = backend or ("gather" if xla.is_traced() else "kernel")
    if backend == "kernel":
        return compat.projective_transform(images[..., None], transforms, interpolation, fill_mode)[..., 0]
    if backend != "gather":
        raise InputError(f"warp: received the backend {backend!r}, expected one of {', '.join(BACKENDS)}")
    if interpolation != "bilinear":
        raise InputError(f"warp: received the interpolation {interpolation!r}, expected bilinear with the backend gather")
    x, y = _places(transforms, images.shape[1], images.shape[2])
    return tf.reshape(sampling.at_pixels(images, x, y, fill_mode), tf.shape(images))


def centre_crop(images: ArrayOrTensor, size: int) -> ArrayOrTensor:
    """The central (batch, size, size) of images (batch, height, width)."""
    height, width = images.shape[1], images.shape[2]
    top, left = (height - size) // 2, (width - size) // 2
    return images[:, top : top + size, left : left + size]


def _places(transforms, height, width):
    """Where the kernel's maps (batch, 8) draw each pixel from, x and y (batch, height width), in its own order of operations."""
    y, x = (tf.reshape(axis, (1, -1)) for axis in tf.meshgrid(tf.range(height), tf.range(width), indexing="ij"))
    x, y = tf.cast(x, tf.float32), tf.cast(y, tf.float32)
    a0, a1, a2, b0, b1, b2, c0, c1 = (part[:, None] for part in tf.unstack(transforms, axis=1))
    below = c0 * x + c1 * y + 1.0
    return (a0 * x + a1 * y + a2) / below, (b0 * x + b1 * y + b2) / below

"""Cubic B-splines on a regular grid of control points: dense fields of few numbers (Rueckert et al. 1999)."""

import numpy as np
import tensorflow as tf

from pipelines.errors import InputError


def cubic(t: np.ndarray) -> np.ndarray:
    """The cubic B-spline at distances t from its middle, in spacings of the grid; 0 from 2 on."""
    t = np.abs(t)
    return np.where(t < 1.0, 2.0 / 3.0 - t**2 + t**3 / 2.0, np.maximum(2.0 - t, 0.0) ** 3 / 6.0)


def controls(size: int, spacing: float) -> int:
    """How many control points along an axis of `size` pixels all of its pixels need, one more on either side than it covers."""
    return int(np.ceil((size - 1) / spacing - 1e-6)) + 3


def weights(size: int, count: int, spacing: float) -> np.ndarray:
    """What each of `count` control points adds to each of `size` pixels along an axis, float32 (size, count); rows add up to 1.

    Both have one middle; control points are `spacing` pixels apart.

    Raises:
        InputError: the control points do not reach beyond the pixels.
    """
    if (count - 3) * spacing < size - 1 - 1e-6:
        raise InputError(
            f"splines: received {count} control points {spacing:g} pixels apart, expected {controls(size, spacing)} or more "
            f"for {size} pixels"
        )
    place = (np.arange(size) - (size - 1) / 2.0) / spacing + (count - 1) / 2.0
    return cubic(place[:, None] - np.arange(count)).astype(np.float32)


def dense(control: tf.Tensor, spacing: float, height: int, width: int) -> tf.Tensor:
    """The field of control points (batch, rows, columns, 2), `spacing` pixels apart, at every pixel: (batch, height, width, 2).

    Grid and image have one middle. Differentiable.

    Raises:
        InputError: the control points do not reach beyond the pixels, see `weights`.
    """
    down, across = (
        tf.constant(weights(size, count, spacing)) for size, count in ((height, control.shape[1]), (width, control.shape[2]))
    )
    return tf.einsum("yr,brcd,xc->byxd", down, control, across)

"""Continuous refinement of (angle, shift) by Gauss-Newton steps with the fixed image's gradients (Lucas-Kanade)."""

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.warp import warp


def refine(fixed, moving, angle, shift, support, whole_overlap=False, steps=4, max_turn=8.0, max_move=4.0):
    """Refine transforms that are already within a few degrees and pixels (Baker and Matthews, inverse compositional).

    The gradients are those of the fixed image, so a step is one warp and one matrix product. Both images are compared at zero
    mean and unit norm over the support. Noise adds its own gradients to the Gauss-Newton matrix, which shortens the steps;
    dividing them by the pair's correlation undoes that.

    Args:
        fixed, moving: filtered images float32 (batch, h, w). angle: (batch,) degrees. shift: (batch, 2) pixels.
        support: float32 (h, w), weight of each pixel of the fixed image.
        whole_overlap: weigh pixels also by where they come from in the moving frame, which costs a second warp: needed
            where the content goes on to the frame's edge (photographs).
        steps: Gauss-Newton steps.
        max_turn, max_move: a pair that strays further than this (degrees, pixels) from its start is given back unrefined.

    Returns:
        angle (batch,), shift (batch, 2), correlation (batch,) of the pair at the end, in [-1, 1].
    """
    pixels = support.shape[0] * support.shape[1]
    grid = geometry.centred_grid(*support.shape)
    gy, gx = _gradients(fixed)
    turn = (gy * grid[..., 0] - gx * grid[..., 1]) * (np.pi / 180.0)  # change per degree: -(gx, gy) . (y, -x)
    rows = tf.stack([turn, -gx, -gy, fixed, tf.ones_like(fixed)], 1)
    rows = tf.reshape(rows, (-1, 5, pixels))  # change per degree, per pixel in x, in y; the image; one
    own = tf.broadcast_to(support, tf.shape(moving)) if whole_overlap else None
    support = tf.reshape(support, (1, pixels))
    still = _moments(rows, support)

    def compare(angle, shift):
        """Gauss-Newton matrix (batch, 3, 3), right side (batch, 3) and correlation (batch,) at a transform."""
        weight, (weighted, inner) = support, still
        if whole_overlap:
            weight = support * tf.reshape(warp(own, angle, shift), (-1, pixels))
            weighted, inner = _moments(rows, weight)
        warped = tf.reshape(warp(moving, angle, shift), (-1, pixels))
        cross = tf.linalg.matvec(weighted, warped)  # (batch, 5)
        total = inner[:, 4, 4] + 1e-6
        edge = inner[:, :4, 4]  # weighted sums of the gradients and of the fixed image
        mean = cross[:, 4] / total
        centred = inner[:, :4, :4] - edge[:, :, None] * edge[:, None, :] / total[:, None, None]
        onto = cross[:, :4] - edge * mean[:, None]
        norm = tf.reduce_sum(weight * tf.square(warped), 1) - total * tf.square(mean)
        scale = tf.sqrt(tf.math.divide_no_nan(centred[:, 3, 3], norm))
        correlation = tf.math.divide_no_nan(onto[:, 3], tf.sqrt(centred[:, 3, 3] * norm))
        return centred[:, :3, :3], centred[:, :3, 3] - onto[:, :3] * scale[:, None], correlation

    def improve(angle, shift):
        normal, right, correlation = compare(angle, shift)
        damping = 1e-4 * tf.linalg.diag(tf.linalg.diag_part(normal)) + 1e-12 * tf.eye(3)
        step = tf.linalg.solve(normal + damping, right[..., None])[..., 0]
        step = tf.clip_by_value(step / tf.clip_by_value(correlation, 0.15, 1.0)[:, None], -1.0, 1.0)
        return geometry.compose((angle, shift), (step[:, 0], step[:, 1:]))

    start, first = (angle, shift), compare(angle, shift)[2]
    angle, shift = tf.while_loop(lambda *_: True, improve, start, maximum_iterations=steps)
    correlation = compare(angle, shift)[2]
    strayed = tf.abs(geometry.wrap_degrees(angle - start[0])) > max_turn
    strayed |= tf.norm(shift - start[1], axis=1) > max_move
    strayed |= ~(correlation >= first)  # not a number, too
    angle = tf.where(strayed, start[0], angle)
    shift = tf.where(strayed[:, None], start[1], shift)
    return angle, shift, tf.where(strayed, first, correlation)


def _moments(rows, weight):
    """Rows (batch, 5, pixels) times weight (batch or 1, pixels), and their inner products (batch, 5, 5)."""
    weighted = rows * weight[:, None]
    return weighted, tf.matmul(weighted, rows, transpose_b=True)


def _gradients(images):
    """Central differences (d/dy, d/dx) of images (batch, h, w)."""
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1]], mode="SYMMETRIC")
    return (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2.0, (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2.0

"""Continuous refinement of (angle, shift) by Gauss-Newton steps with the fixed image's gradients (Lucas-Kanade)."""

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.warp import warp


def refine(fixed, moving, angle, shift, support, steps=6, max_turn=8.0, max_move=4.0):
    """Refine transforms that are already within a few degrees and pixels (Baker and Matthews, inverse compositional).

    The gradients are those of the fixed image, so only one warp a step is needed. Both images are compared at unit norm
    within the support they share. Noise adds its own gradients to the Gauss-Newton matrix, which shortens the steps; dividing
    the matrix by the pair's correlation undoes that.

    Args:
        fixed, moving: filtered images float32 (batch, h, w). angle: (batch,) degrees. shift: (batch, 2) pixels.
        support: float32 (h, w), weight of each pixel in its own image (a disc, or the frame).
        max_turn, max_move: a pair that strays further than this (degrees, pixels) from its start is given back unrefined.

    Returns:
        angle (batch,), shift (batch, 2), correlation (batch,) of the pair at the end, in [-1, 1].
    """
    height, width = support.shape
    support = tf.convert_to_tensor(support)
    grid = geometry.centred_grid(height, width)
    gy, gx = _gradients(fixed)
    turn = (gy * grid[..., 0] - gx * grid[..., 1]) * (np.pi / 180.0)  # change per degree: -(gx, gy) . (y, -x)
    jacobian = tf.stack([turn, -gx, -gy], 1)  # (batch, 3, h, w)
    flat = tf.reshape(jacobian, (-1, 3, height * width))
    own = tf.tile(support[None], (tf.shape(moving)[0], 1, 1))

    def improve(angle, shift):
        residual, weight, correlation = _compare(fixed, moving, angle, shift, support, own)
        weighted = flat * tf.reshape(weight, (-1, 1, height * width))
        normal = tf.matmul(weighted, flat, transpose_b=True)  # (batch, 3, 3)
        right = tf.linalg.matvec(weighted, tf.reshape(residual, (-1, height * width)))
        damping = 1e-4 * tf.linalg.diag(tf.linalg.diag_part(normal)) + 1e-12 * tf.eye(3)
        step = tf.linalg.solve(normal + damping, right[..., None])[..., 0]
        step = tf.clip_by_value(step / tf.clip_by_value(correlation, 0.15, 1.0)[:, None], -1.0, 1.0)
        return geometry.compose((angle, shift), (step[:, 0], step[:, 1:]))

    start = (angle, shift)
    first = _compare(fixed, moving, angle, shift, support, own)[2]
    angle, shift = tf.while_loop(lambda *_: True, improve, start, maximum_iterations=steps)
    _, _, correlation = _compare(fixed, moving, angle, shift, support, own)
    strayed = tf.abs(geometry.wrap_degrees(angle - start[0])) > max_turn
    strayed |= tf.norm(shift - start[1], axis=1) > max_move
    strayed |= correlation < first
    angle = tf.where(strayed, start[0], angle)
    shift = tf.where(strayed[:, None], start[1], shift)
    return angle, shift, tf.where(strayed, first, correlation)


def _compare(fixed, moving, angle, shift, support, own):
    """Residual at the fixed image's scale, weight of each pixel, and correlation over the shared support."""
    warped = warp(moving, angle, shift)
    weight = support * warp(own, angle, shift)  # (batch, h, w)
    total = tf.reduce_sum(weight, (1, 2), keepdims=True) + 1e-6
    a = fixed - tf.reduce_sum(fixed * weight, (1, 2), keepdims=True) / total
    b = warped - tf.reduce_sum(warped * weight, (1, 2), keepdims=True) / total
    aa = tf.reduce_sum(a * a * weight, (1, 2), keepdims=True)
    bb = tf.reduce_sum(b * b * weight, (1, 2), keepdims=True)
    ab = tf.reduce_sum(a * b * weight, (1, 2), keepdims=True)
    scale = tf.sqrt(tf.math.divide_no_nan(aa, bb))
    correlation = tf.math.divide_no_nan(ab, tf.sqrt(aa * bb))[:, 0, 0]
    return a - b * scale, weight, correlation


def _gradients(images):
    """Central differences (d/dy, d/dx) of images (batch, h, w)."""
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1]], mode="SYMMETRIC")
    return (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2.0, (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2.0

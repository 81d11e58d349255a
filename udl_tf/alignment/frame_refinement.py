"""Continuous refinement over the whole overlap of two frames (Lucas-Kanade), for photographs: they go on to the frame's edge."""

import collections

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.geometry.warp import warp
from udl_tf.alignment.gauss_newton import gradients, solve

Polished = collections.namedtuple("Polished", "angle shift correlation variance overlap surface")

TERMS = (1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (0, 0)  # powers of x and y in a surface of second degree, the level last
TRIM, EDGE = 1.0, 2.0  # pixels at the edge of a frame that are left out, and over which the weight rises to 1
MAX_TURN, MAX_MOVE = 8.0, 4.0  # a pair that strays further than this (degrees, pixels) is given back as it came
STRAYED = 1e4  # its variance, square degrees


def refine(fixed, moving, angle, shift, steps, share=None, expected=None):
    """Refine transforms that are already within a degree or two and a few pixels (Baker and Matthews, inverse compositional).

    The gradients are those of the fixed image, so a step is one warp and one matrix product. Both images are compared at unit
    norm, less the surface of second degree that fits each best over the part of the frame that both of them cover: light that
    falls from another side is no content. Noise adds its own gradients to the Gauss-Newton
    matrix, which shortens the steps; dividing them by the signal's `share` of it undoes that.

    Args:
        fixed, moving: images float32 (batch, h, w), filtered if they are noisy.
        angle: (batch,) degrees. shift: (batch, 2) pixels.
        steps: Gauss-Newton steps. share: (batch,), of the signal in the power of the fixed image's gradients, if known;
            else the correlation of the pair is taken for it. expected: (batch,), of the signal in the power itself, which is
            what an aligned pair correlates; a pair that does better has more signal than was thought.

    Returns:
        `Polished`: angle (batch,), shift (batch, 2), `correlation` (batch,) in [-1, 1], `variance` (batch,) of the angle in
        square degrees, from the residual and the gradients that both images share, and `overlap` (batch,), the share of the
        frame that both cover, and `surface` (batch,), the correlation of what was taken out, less the levels; all at the end.
    """
    size = tf.shape(fixed)[1:]
    pixels = size[0] * size[1]
    half = tf.cast(size[::-1], tf.float32) / 2.0
    grid = _grid(size)  # (2, pixels)
    own = _inside(grid[None], half)
    jacobian = _jacobian(fixed, grid)  # (batch, 3, pixels)
    flat = tf.reshape(fixed, (-1, pixels))
    rows = tf.concat([jacobian, flat[:, None]], 1)  # (batch, 4, pixels)
    terms = _terms(grid / half[:, None])
    products = tf.reshape(terms[:, None] * terms[None], (-1, pixels))

    def overlap(angle, shift):
        """Weight of each pixel of the fixed frame (batch, pixels): how far inside both frames it lies."""
        angle, shift = geometry.inverse(angle, shift)
        places = tf.matmul(geometry.rotation_matrix(angle), tf.tile(grid[None], (tf.shape(angle)[0], 1, 1)))
        return own * _inside(places + shift[:, :, None], half)

    def compare(angle, shift):
        """Gauss-Newton matrix (batch, 3, 3), right side (batch, 3), correlations (batch,), and what the variance is made of."""
        weight = overlap(angle, shift)
        warped = tf.reshape(warp(moving, angle, shift), (-1, pixels))
        both = tf.concat([rows, warped[:, None]], 1)  # gradients, the fixed image, the moving one
        weighted = both * weight[:, None]
        inner = tf.matmul(weighted, both, transpose_b=True)  # (batch, 5, 5)
        onto = tf.einsum("bip,tp->bit", weighted, terms)
        among = tf.reshape(tf.matmul(weight, products, transpose_b=True), (-1, len(TERMS), len(TERMS)))
        upper, lower = tf.concat([inner, onto], 2), tf.concat([tf.transpose(onto, (0, 2, 1)), among], 2)
        centred = _without_last(tf.concat([upper, lower], 1), 1)
        rest = _without_last(centred, len(TERMS) - 1)  # of what no surface explains
        gone = centred[:, 3:5, 3:5] - rest[:, 3:, 3:]
        surface = tf.math.divide_no_nan(gone[:, 0, 1], tf.sqrt(gone[:, 0, 0] * gone[:, 1, 1]))
        total = among[:, -1, -1] + 1e-6
        power, norm = rest[:, 3, 3], rest[:, 4, 4]
        scale = tf.sqrt(tf.math.divide_no_nan(power, norm))
        correlation = tf.math.divide_no_nan(rest[:, 3, 4], tf.sqrt(power * norm))
        right = rest[:, :3, 3] - rest[:, :3, 4] * scale[:, None]
        return rest[:, :3, :3], right, (correlation, surface), (weighted[:, :3], warped, scale, power / total, total)

    def improve(angle, shift):
        matrix, right, (correlation, _), _ = compare(angle, shift)
        signal = correlation if share is None else share
        if expected is not None:
            signal *= tf.maximum(tf.math.divide_no_nan(correlation, expected), 1.0)
        signal = tf.clip_by_value(signal, 0.15, 1.0)
        step = tf.clip_by_value(solve(matrix, right) / signal[:, None], -1.0, 1.0)
        return geometry.compose((angle, shift), (step[:, 0], step[:, 1:]))

    start = (angle, shift)
    angle, shift = tf.while_loop(lambda *_: True, improve, start, maximum_iterations=steps)
    matrix, _, (correlation, surface), (weighted, warped, scale, power, total) = compare(angle, shift)
    # The gradients that both images have in common are the signal's; the rest of the fixed image's own is noise.
    theirs = _jacobian(tf.reshape(warped * scale[:, None], tf.shape(fixed)), grid)
    shared = tf.math.divide_no_nan(tf.reduce_sum(weighted * theirs, 2), tf.linalg.diag_part(matrix))  # (batch, 3)
    common = tf.clip_by_value(tf.reduce_mean(shared, 1), 0.02, 1.0)
    noise = 2.0 * power * tf.maximum(1.0 - correlation, 1e-6)  # of the difference, for each pixel
    variance = noise * solve(matrix, tf.one_hot(tf.zeros_like(angle, tf.int32), 3))[:, 0] / tf.square(common)
    strayed = tf.abs(geometry.wrap_degrees(angle - start[0])) > MAX_TURN
    strayed |= tf.norm(shift - start[1], axis=1) > MAX_MOVE
    strayed |= ~(tf.math.is_finite(correlation) & (correlation > 0.0))
    angle = tf.where(strayed, start[0], angle)
    shift, variance = tf.where(strayed[:, None], start[1], shift), tf.where(strayed, STRAYED, variance)
    return Polished(angle, shift, correlation, variance, total / tf.cast(pixels, tf.float32), surface)


def _grid(size):
    """Coordinates x, y of all pixels from the centre, (2, pixels): `geometry.centred_grid` for sizes known at run time."""
    y, x = (tf.range(tf.cast(n, tf.float32)) - (tf.cast(n, tf.float32) - 1.0) / 2.0 for n in (size[0], size[1]))
    x, y = tf.meshgrid(x, y)
    return tf.stack([tf.reshape(x, (-1,)), tf.reshape(y, (-1,))])


def _terms(places):
    """TERMS at places (2, pixels) from -1 to 1: (terms, pixels)."""
    return tf.stack([places[0] ** i * places[1] ** j for i, j in TERMS])


def _without_last(products, count):
    """Inner products (batch, k, k) of what is left of vectors once the last `count` of them are taken out: the Schur complement.

    One vector after the other: a factorization stops a whole batch for one pair that is not a number.
    """
    for last in range(products.shape[1] - 1, products.shape[1] - 1 - count, -1):
        column, square = products[:, :last, last], products[:, last, last] + 1e-6
        products = products[:, :last, :last] - column[:, :, None] * column[:, None, :] / square[:, None, None]
    return products


def _inside(points, half):
    """Weight in [0, 1] of points (batch, 2, n) from the centre of a frame of half sides `half` (x, y)."""
    depth = tf.minimum(half[0] - tf.abs(points[:, 0]), half[1] - tf.abs(points[:, 1])) - (0.5 + TRIM)
    return tf.clip_by_value(depth / EDGE, 0.0, 1.0)


def _jacobian(images, grid):
    """Change of images (batch, h, w) per degree and per pixel in x and y: (batch, 3, pixels)."""
    gx, gy = (tf.reshape(part, (-1, tf.shape(grid)[1])) for part in gradients(images))
    turn = (gy * grid[0] - gx * grid[1]) * (np.pi / 180.0)  # -(gx, gy) . (y, -x)
    return tf.stack([turn, -gx, -gy], 1)

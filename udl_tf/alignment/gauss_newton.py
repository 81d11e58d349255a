"""What every Lucas-Kanade refinement is made of: gradients of images, and the solution of a Gauss-Newton step.

Shared by the aligner's refinements (`frame_refinement`, `spectral_refinement`), by the stacks' and by `udl_tf.rivals`.
"""

import tensorflow as tf

DAMPING = 1e-4  # of a matrix with unit diagonal


def gradients(images):
    """Change of images (batch, h, w, ...) per pixel in x and in y, each (batch, h, w, ...): central differences."""
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1]] + [[0, 0]] * (len(images.shape) - 3), mode="SYMMETRIC")
    return (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2.0, (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2.0


def solve(matrix, right, damping=DAMPING):
    """Solution (batch, k) of positive semi-definite systems (batch, k, k), (batch, k), damped a little: no texture, no step.

    Three unknowns, the rigid case, go by Cramer's rule: a factorization stops a whole batch for one pair that is not a number.
    """
    scale = tf.math.rsqrt(tf.linalg.diag_part(matrix) + 1e-20)  # to unit diagonal: turns and shifts differ in size
    size = matrix.shape[-1]
    unit = matrix * scale[:, :, None] * scale[:, None, :] + damping * tf.eye(size)
    if size != 3:
        return tf.linalg.cholesky_solve(tf.linalg.cholesky(unit), (right * scale)[..., None])[..., 0] * scale
    a, b, c = tf.unstack(unit, axis=1)
    adjugate = tf.stack([tf.linalg.cross(b, c), tf.linalg.cross(c, a), tf.linalg.cross(a, b)], 2)  # columns
    determinant = tf.reduce_sum(a * adjugate[:, :, 0], 1)
    return tf.math.divide_no_nan(tf.linalg.matvec(adjugate, right * scale), determinant[:, None]) * scale

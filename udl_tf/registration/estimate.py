"""From the sums of a pair's blocks to a Gauss-Newton step, its covariance, and how well the two images agree.

Both images are brought to mean 0 and deviation 1 over their overlap. A step takes the mean of both images' gradients (Benhimane
and Malis, efficient second-order minimization, IROS 2004): its error is of the third order, so that one step at full resolution
is enough. What noise adds to the gradients shortens steps; it is not in the product of both images' gradients, which undoes that.

The covariance is that of clustered residuals (Liang and Zeger, Biometrika 73, 1986): from how much the clusters of blocks
contradict each other, whatever the spectrum of the noise, however the residuals within a cluster hang together.
"""

import typing

import numpy as np
import tensorflow as tf

MANY = 9.0  # no agreement of n clusters is larger than the root of n: up to this, as if there were so many
LEAST = 0.05  # of the gradients' power that is taken for the signal's, at the least
PULL = np.diag([1e-8, 1e-6, 1e-6])  # pixels squared: what interpolation may do to a clean pair, all of it one way
FEW = 8  # clusters; with fewer no covariance is known
# Of normal residuals with the weights of `tile_sums`, Cauchy's at three scales: their variance over the weighted one, and the
# mean weight over the mean derivative of what is summed up, a weighted residual.
CONSISTENT, DERIVATIVE = 1.178, 1.177
# The mean gradient of both images, and their difference, from the nine rows: what each image, of deviation 1, gives to it.
OF_FIXED, OF_MOVING = np.zeros((4, 9)), np.zeros((4, 9))
OF_FIXED[range(3), range(3)] = OF_MOVING[range(3), range(3, 6)] = 0.5
OF_FIXED[3, 6], OF_MOVING[3, 7] = 1.0, -1.0
ONES = np.eye(9)[8]


class Estimate(typing.NamedTuple):
    """What pairs say, each at one transform; float64 tensors.

    Attributes:
        there: (batch,) bool, whether there is anything to be seen; if not, the rest means nothing.
        step: (batch, 3) arc at the radius, dx, dy, in pixels of the level: what is to be done after the transform.
        covariance: (batch, 3, 3) of them, infinite where it is not known.
        correlation: (batch,) of the images over the overlap, blurred as they are seen.
        agreement: (batch,) mean over the clusters of the product of both images' gradients, over its standard error: about
            N(0, 1) where the images have nothing in common, whatever they show.
        weight: (batch,) of the overlap, pixels.
        known: (batch, 5), see `tile_sums`, less what they were normalised by.
    """

    there: tf.Tensor
    step: tf.Tensor
    covariance: tf.Tensor
    correlation: tf.Tensor
    agreement: tf.Tensor
    weight: tf.Tensor
    known: tf.Tensor


def estimate(sums: tf.Tensor, robust: tf.Tensor) -> Estimate:
    """The `Estimate` of sums (batch, clusters, 9, 9), float64; robust: (batch,) bool, whether their weights were."""
    count = tf.math.count_nonzero(sums[:, :, 8, 8] > 0.0, 1, dtype=tf.float64)
    total = tf.reduce_sum(sums, 1)
    weight = total[:, 8, 8]
    area = tf.where(weight > 0.0, weight, 1.0)
    mean = total[:, :, 8] / area[:, None]
    power = tf.linalg.diag_part(total)[:, 6:8] / area[:, None] - tf.square(mean[:, 6:8])
    there = (count >= 4.0) & (weight > 0.0) & tf.reduce_all(power > 1e-12, 1)
    deviation = tf.sqrt(tf.where(power > 1e-12, power, 1.0))
    rows = OF_FIXED / deviation[:, :1, None] + OF_MOVING / deviation[:, 1:, None]
    rows -= tf.linalg.matvec(rows, mean)[:, :, None] * ONES
    whole = rows @ tf.linalg.matmul(total, rows, transpose_b=True)
    right = tf.linalg.matmul(tf.linalg.matvec(sums, rows[:, None, 3]), rows[:, :3], transpose_b=True)  # (batch, clusters, 3)
    matrix = tf.where(there[:, None, None], whole[:, :3, :3], tf.eye(3, dtype=tf.float64))
    both = tf.reduce_prod(deviation, 1)
    common = tf.linalg.diag_part(total[:, 0:3, 3:6]) - weight[:, None] * mean[:, 0:3] * mean[:, 3:6]
    share = tf.reduce_mean(common / both[:, None] / tf.maximum(tf.linalg.diag_part(matrix), 1e-20), 1)
    inverse = _inverse(matrix) / tf.clip_by_value(share, LEAST, 1.0)[:, None, None]
    spread = tf.linalg.matmul(right, right, transpose_a=True) * (count / tf.maximum(count - 3.0, 1.0))[:, None, None]
    spread *= tf.where(robust, tf.constant(DERIVATIVE**2, tf.float64), 1.0)[:, None, None]
    covariance = tf.where((count >= FEW)[:, None, None], inverse @ spread @ inverse + PULL, np.inf)
    product = sums[:, :, 1, 4] + sums[:, :, 2, 5]
    few = tf.maximum(MANY / tf.sqrt(tf.maximum(count, 1.0)), 1.0)
    agreement = few * tf.reduce_sum(product, 1) / tf.sqrt(tf.reduce_sum(tf.square(product), 1) + 1e-30)
    scale = tf.sqrt(tf.maximum(CONSISTENT * whole[:, 3, 3] / area, 1e-8))
    return Estimate(
        there=there,
        step=tf.linalg.matvec(inverse, tf.reduce_sum(right, 1)),
        covariance=covariance,
        correlation=(total[:, 6, 7] / area - mean[:, 6] * mean[:, 7]) / both,
        agreement=agreement,
        weight=weight,
        known=tf.stack([mean[:, 6], deviation[:, 0], mean[:, 7], deviation[:, 1], scale], 1),
    )


def _inverse(matrices):
    """The pseudoinverse of symmetric matrices (batch, 3, 3): a direction without a gradient gets no step."""
    values, vectors = tf.linalg.eigh(matrices)
    size = tf.abs(values)
    kept = size > 1e-9 * tf.reduce_max(size, 1, keepdims=True)
    inverted = tf.where(kept, 1.0 / tf.where(kept, values, 1.0), 0.0)
    return tf.linalg.matmul(vectors * inverted[:, None, :], vectors, transpose_b=True)

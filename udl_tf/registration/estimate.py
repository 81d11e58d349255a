"""From the sums of a pair's blocks to a Gauss-Newton step, its covariance, and how well the two images agree.

Both images are brought to mean 0 and deviation 1 over their overlap. A step takes the mean of both images' gradients (Benhimane
and Malis, efficient second-order minimization, IROS 2004): its error is of the third order, so that one step at full resolution
is enough. What noise adds to the gradients shortens steps; it is not in the product of both images' gradients, which undoes that.

The covariance is that of clustered residuals (Liang and Zeger, Biometrika 73, 1986): from how much the clusters of blocks
contradict each other, whatever the spectrum of the noise, however the residuals within a cluster hang together.
"""

import typing

import numpy as np

from udl_tf.registration.numbers import ARRAYS, Numbers

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
    """What pairs say, each at one transform; float64 arrays, or tensors.

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

    there: typing.Any
    step: typing.Any
    covariance: typing.Any
    correlation: typing.Any
    agreement: typing.Any
    weight: typing.Any
    known: typing.Any


def estimate(sums, robust, numbers: Numbers = ARRAYS) -> Estimate:
    """The `Estimate` of sums (batch, clusters, 9, 9); robust: (batch,) bool, whether their weights were."""
    n, total = numbers, numbers.total(sums, 1)
    count, weight = n.total(n.float64(sums[:, :, 8, 8] > 0.0), 1), total[:, 8, 8]
    area = n.where(weight > 0.0, weight, 1.0)[:, None]
    mean, second = total[:, :, 8] / area, n.diagonal(total) / area
    power = second[:, 6:8] - mean[:, 6:8] * mean[:, 6:8]
    there = (count >= 4.0) & (weight > 0.0) & n.all(power > 1e-12, 1)
    deviation = n.sqrt(n.where(power > 1e-12, power, 1.0))
    both = deviation[:, 0] * deviation[:, 1]
    rows = OF_FIXED / deviation[:, :1, None] + OF_MOVING / deviation[:, 1:, None]  # (batch, 4, 9)
    rows = rows - rows @ mean[:, :, None] * ONES
    whole = rows @ total @ n.transposed(rows)
    right = (sums @ rows[:, None, 3, :, None])[:, :, :, 0] @ n.transposed(rows[:, :3])  # (batch, clusters, 3)
    matrix = n.where(there[:, None, None], whole[:, :3, :3], np.eye(3))
    common = n.diagonal(total[:, 0:3, 3:6]) - weight[:, None] * mean[:, 0:3] * mean[:, 3:6]
    share = n.total(common / both[:, None] / n.maximum(n.diagonal(matrix), 1e-20), 1) / 3.0
    share = n.minimum(n.maximum(share, LEAST), 1.0)[:, None, None]
    inverse = _inverse(matrix, n) / share
    spread = n.transposed(right) @ right * (count / n.maximum(count - 3.0, 1.0))[:, None, None]
    spread = n.where(robust[:, None, None], DERIVATIVE**2 * spread, spread)
    covariance = n.where((count >= FEW)[:, None, None], inverse @ spread @ inverse + PULL, np.inf)
    product = sums[:, :, 1, 4] + sums[:, :, 2, 5]
    few = n.maximum(MANY / n.sqrt(n.maximum(count, 1.0)), 1.0)
    scale = n.sqrt(n.maximum(CONSISTENT * whole[:, 3, 3] / area[:, 0], 1e-8))
    return Estimate(
        there=there,
        step=(inverse @ n.total(right, 1)[:, :, None])[:, :, 0],
        covariance=covariance,
        correlation=(total[:, 6, 7] / area[:, 0] - mean[:, 6] * mean[:, 7]) / both,
        agreement=few * n.total(product, 1) / n.sqrt(n.total(product * product, 1) + 1e-30),
        weight=weight,
        known=n.stack([mean[:, 6], deviation[:, 0], mean[:, 7], deviation[:, 1], scale], 1),
    )


def _inverse(matrices, n):
    """The pseudoinverse of symmetric matrices (batch, 3, 3): a direction without a gradient gets no step."""
    values, vectors = n.eigh(matrices)
    kept = abs(values) > 1e-9 * n.largest(abs(values), 1)
    inverted = n.where(kept, 1.0 / n.where(kept, values, 1.0), 0.0)
    return vectors * inverted[:, None, :] @ n.transposed(vectors)

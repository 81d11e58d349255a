"""From the sums of a pair's blocks to a Gauss-Newton step, its covariance, and how well the two images agree.

Both images are brought to mean 0 and deviation 1 over their overlap. A step takes the mean of both images' gradients (Benhimane
and Malis, efficient second-order minimization, IROS 2004): its error is of the third order, so that one step at full resolution
is enough. What noise adds to the gradients shortens steps; it is not in the product of both images' gradients, which undoes that.

The covariance is that of clustered residuals (Liang and Zeger, Biometrika 73, 1986): from how much the clusters of blocks
contradict each other, whatever the spectrum of the noise, however the residuals within a cluster hang together.
"""

import dataclasses

import numpy as np

MANY = 9.0  # no agreement of n clusters is larger than the root of n: up to this, as if there were so many
LEAST = 0.05  # of the gradients' power that is taken for the signal's, at the least
PULL = np.diag([1e-8, 1e-6, 1e-6])  # pixels squared: what interpolation may do to a clean pair, all of it one way
FEW = 8  # clusters; with fewer no covariance is known
# Of normal residuals with the weights of `tile_sums`, Cauchy's at three scales: their variance over the weighted one, and the
# mean weight over the mean derivative of what is summed up, a weighted residual.
CONSISTENT, DERIVATIVE = 1.178, 1.177


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What a pair says at one transform.

    Attributes:
        step: (3,) arc at the radius, dx, dy, in pixels of the level: what is to be done after the transform.
        covariance: (3, 3) of them, infinite where it is not known.
        correlation: of the images over the overlap, blurred as they are seen. share: of the gradients that both have in common.
        agreement: mean over the clusters of the product of both images' gradients, over its standard error: about N(0, 1) where
            the images have nothing in common, whatever they show.
        weight: of the overlap, pixels. known: (5,), see `tile_sums`, less what they were normalised by.
    """

    step: np.ndarray
    covariance: np.ndarray
    correlation: float
    share: float
    agreement: float
    weight: float
    known: np.ndarray


def estimate(sums: np.ndarray, robust: bool = True) -> Estimate | None:
    """The `Estimate` of sums (clusters, 9, 9), with robust weights or without; None where there is nothing to be seen."""
    total = sums.sum(0)
    weight = total[8, 8]
    if len(sums) < 4 or weight <= 0.0:
        return None
    mean = total[:, 8] / weight
    fixed, moving = (total[i, i] / weight - mean[i] ** 2 for i in (6, 7))
    if not (fixed > 1e-12 and moving > 1e-12):
        return None
    fixed, moving = np.sqrt([fixed, moving])
    rows = np.zeros((4, 9))  # the mean gradient of both, and the difference, from the nine rows
    rows[range(3), range(3)], rows[range(3), range(3, 6)] = 0.5 / fixed, 0.5 / moving
    rows[3, 6], rows[3, 7] = 1.0 / fixed, -1.0 / moving
    rows[:, 8] = -rows[:, :8] @ mean[:8]
    parts = np.einsum("ij,njk,lk->nil", rows, sums, rows)
    matrix, right = parts[:, :3, :3].sum(0), parts[:, :3, 3]
    common = np.array([total[i, i + 3] - weight * mean[i] * mean[i + 3] for i in range(3)]) / (fixed * moving)
    share = float(np.clip(np.mean(common / np.maximum(np.diag(matrix), 1e-20)), LEAST, 1.0))
    inverse = np.linalg.pinv(matrix, rcond=1e-9, hermitian=True) / share
    spread = right.T @ right * (len(sums) / max(len(sums) - 3.0, 1.0))
    spread *= DERIVATIVE**2 if robust else 1.0
    covariance = inverse @ spread @ inverse + PULL if len(sums) >= FEW else np.full((3, 3), np.inf)
    product = sums[:, 1, 4] + sums[:, 2, 5]
    few = max(1.0, MANY / np.sqrt(len(sums)))
    return Estimate(
        step=inverse @ right.sum(0),
        covariance=covariance,
        correlation=float((total[6, 7] / weight - mean[6] * mean[7]) / (fixed * moving)),
        share=share,
        agreement=few * float(product.sum() / np.sqrt(np.square(product).sum() + 1e-30)),
        weight=float(weight),
        known=np.array([mean[6], fixed, mean[7], moving, np.sqrt(max(CONSISTENT * parts[:, 3, 3].sum() / weight, 1e-8))]),
    )

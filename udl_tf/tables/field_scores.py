"""How far fields are from the truth: target registration error, folds, likeness of the images."""

import numpy as np
import tensorflow as tf

from pipelines.geometry import centred_grid, displacement
from pipelines.geometry.transforms import Displacement

ROWS = 50  # pairs at a time


def distances(found, truth):
    """How far each pixel of the fixed image is from where it is found in truth, pixels, float32 (n, side^2).

    Args:
        found: a `Transform` of n rows. truth: (n, side, side, 2), pulled fields at every pixel.
    """
    side = truth.shape[1]
    points = centred_grid(side, side).reshape(-1, 2)
    parts = []
    for rows in _parts(len(truth)):
        true = truth[rows].reshape(-1, side * side, 2)
        parts.append(np.linalg.norm(found[rows].pull(points) - points - true, axis=-1))
    return np.concatenate(parts)


def measures(case, found):
    """What is told of an answer besides its mean error.

    Args:
        case: `cases.Case`, its truth a dict of ``displacement``. found: a `Transform` of as many rows.

    Returns:
        dict of ``p95``, pixels, of the errors of all points; ``folded``, percent of the cells between pixels;
        ``correlation``, mean coefficient of fixed and moved images where both are known.
    """
    side = case.problem.side
    folded, likeness = [], []
    for rows in _parts(len(found)):
        field = Displacement.of(found[rows], side, side).field
        folded.append(tf.reduce_mean(tf.cast(displacement.least_determinant(field, 1.0) <= 0.0, tf.float32), (1, 2)).numpy())
        moved, known = (
            found[rows].warp(images) for images in (case.inputs["moving"][rows], np.ones_like(case.inputs["moving"][rows]))
        )
        likeness += [_correlation(*pair) for pair in zip(case.inputs["fixed"][rows], moved, known > 0.999, strict=True)]
    return {
        "p95": float(np.percentile(distances(found, case.truth["displacement"]), 95)),
        "folded": 100.0 * float(np.concatenate(folded).mean()),
        "correlation": float(np.mean(likeness)),
    }


def _parts(count):
    return [slice(start, start + ROWS) for start in range(0, count, ROWS)]


def _correlation(fixed, moved, known):
    return float(np.corrcoef(fixed[known], moved[known])[0, 1]) if known.sum() > 2 else 0.0

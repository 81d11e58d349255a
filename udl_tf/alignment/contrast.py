"""Bright field beside dark field: pairs in which one image is the other's negative."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipelines.errors import InputError
from udl_tf.alignment.aligner import Aligner
from udl_tf.alignment.result import Result

CONTRASTS = ("same", "inverted", "any")


def align(
    aligner: Aligner, fixed: npt.ArrayLike, moving: npt.ArrayLike, contrast: str = "same", **options
) -> tuple[Result, np.ndarray]:
    """Align pairs whose grey values agree, are each other's negative, or may be either.

    Args:
        aligner: `Aligner`. fixed, moving, options: see `Aligner.align`.
        contrast: ``same``, ``inverted``: the moving images are negatives; ``any``: whichever has the higher score, pair by pair.

    Returns:
        `Result`, and which moving images were taken for negatives, bool (n,). With ``any`` a score is that the better one is
        right and the other one is not: two looks find by chance more than one does.

    Raises:
        InputError: another contrast; as `Aligner.align`.
    """
    if contrast not in CONTRASTS:
        raise InputError(f"contrast {contrast!r}: expected one of {', '.join(CONTRASTS)}")
    negative = -np.asarray(moving, np.float64)
    found = []
    if contrast != "inverted":
        found.append(aligner.align(fixed, moving, **options))
    if contrast != "same":
        found.append(aligner.align(fixed, negative, **{**options, "report": not found and options.get("report", True)}))
    if len(found) == 1:
        return found[0], np.full(len(found[0]), contrast == "inverted")
    same, other = found
    inverted = other.score > same.score
    fields = {name: _chosen(inverted, getattr(other, name), getattr(same, name)) for name in vars(same)}
    fields["score"] = fields["score"] * (1.0 - np.minimum(other.score, same.score))
    return Result(**fields), inverted


def _chosen(which, one, other):
    return np.where(which.reshape(-1, *[1] * (one.ndim - 1)), one, other)

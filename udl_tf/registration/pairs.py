"""Pairs of pictures: proposed by an aligner, refined to their own resolution, judged there."""

import numpy as np

from pipelines.geometry import wrap_degrees
from udl_tf.registration.proposal import propose
from udl_tf.registration.pyramid import Pyramid
from udl_tf.registration.refinement import Refined, refine
from udl_tf.registration.result import Registration, trusted

DOUBTFUL = 0.5  # with a lower score the whole pictures are looked at, not only their middles
LEAST_OVERLAP = 0.02  # of the smaller frame
NOTHING = Refined(0.0, np.zeros(2), np.full((3, 3), np.inf), np.inf, 0.0, 0.0, 0.0, 0)  # what a pair without a transform tells


def register_pair(aligner, fixed: np.ndarray, moving: np.ndarray) -> Registration:
    """Register two pictures of any sizes.

    Args:
        aligner: `udl_tf.alignment.aligner.Aligner`, such as ``udl_tf.load("photo")``.
        fixed, moving: real arrays (height, width).

    Returns:
        `Registration` of one pair; score 0 and an infinite covariance where the pictures have nothing in common.

    Raises:
        InputError: arrays that are no pictures, see `Pyramid`.
    """
    return register_pyramids(aligner, [Pyramid(fixed, "fixed")], [Pyramid(moving, "moving")])


def register_pyramids(aligner, fixed: list[Pyramid], moving: list[Pyramid]) -> Registration:
    """`register_pair` for pairs of pyramids, the fixed ones of one size and the moving ones of one size."""
    found = [_best([one]) for one in _refined(aligner, fixed, moving, False)]
    doubtful = [k for k, (_, score) in enumerate(found) if score < DOUBTFUL]
    sizes = {*fixed[0].size, *moving[0].size}
    if doubtful and len(sizes) > 1:
        again = _refined(aligner, [fixed[k] for k in doubtful], [moving[k] for k in doubtful], True)
        for k, other in zip(doubtful, again):
            found[k] = _best([found[k], other])
    return collected(found, fixed[0].size, moving[0].size)


def collected(found: list[tuple[Refined | None, float]], fixed: tuple[int, int], moving: tuple[int, int]) -> Registration:
    """`Registration` of refined transforms and their scores; where there is none nothing is moved and nothing is known."""
    parts = [one or NOTHING for one, _ in found]
    return Registration(
        angle=wrap_degrees(np.array([one.angle for one in parts])),
        shift=np.stack([one.shift for one in parts]),
        covariance=np.stack([one.covariance for one in parts]),
        score=np.array([score for _, score in found]),
        correlation=np.array([one.correlation for one in parts]),
        overlap=np.array([one.overlap for one in parts]),
        fixed=fixed,
        moving=moving,
    )


def judged(refined: Refined | None, score: float) -> tuple[Refined | None, float]:
    """A refined transform and its score, of the proposal's."""
    if refined is None or refined.overlap < LEAST_OVERLAP or not np.isfinite(refined.error):
        return None, 0.0
    return refined, float(trusted(score, refined.agreement))


def _refined(aligner, fixed, moving, whole):
    start = propose(aligner, fixed, moving, whole)
    pairs = zip(fixed, moving, start.angle, start.shift, start.score)
    return [judged(refine(still, other, angle, shift), score) for still, other, angle, shift, score in pairs]


def _best(found):
    return max(found, key=lambda one: one[1])

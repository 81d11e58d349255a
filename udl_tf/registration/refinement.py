"""From a proposal to the pixels that are there: Gauss-Newton steps up the levels of two pyramids, tile by tile.

The steps are those of `steps`. In a graph `full_resolution` walks the same way, with all pixels at hand.
"""

import dataclasses

import numpy as np

from udl_tf.registration import steps
from udl_tf.registration.block_sums import block_sums
from udl_tf.registration.pyramid import Pyramid

COARSEST = 96  # pixels, at least, of the shorter side at the level that is begun with


@dataclasses.dataclass(frozen=True)
class Refined:
    """A refined transform.

    Attributes:
        angle: degrees. shift: (2,) pixels. covariance: (3, 3) of angle, dx, dy.
        error: pixels, expected root mean square over the fixed frame.
        correlation: over the overlap at the finest level looked at. agreement: see `Estimate`, the largest of all levels.
        overlap: share of the smaller frame's pixels, less what counted little.
        level: at which the transform is known best; 0 is full resolution.
    """

    angle: float
    shift: np.ndarray
    covariance: np.ndarray
    error: float
    correlation: float
    agreement: float
    overlap: float
    level: int


def first_level(fixed: Pyramid, moving: Pyramid) -> int:
    """The level at which the shorter side of both pictures has `COARSEST` pixels or a little more."""
    side = min(*fixed.size, *moving.size)
    return max(0, int(np.floor(np.log2(side / COARSEST))))


def refine(
    fixed: Pyramid, moving: Pyramid, angle: float, shift: np.ndarray, first: int | None = None, last: int = 0
) -> Refined | None:
    """Refine a transform that is right to a pixel or two of the first level.

    Args:
        fixed, moving: `Pyramid` of any two sizes. angle: degrees. shift: (2,) pixels of the pictures.
        first: level to begin with, by default `first_level`. last: level to end with.

    Returns:
        `Refined`; None where the frames do not overlap or nothing is to be seen.
    """
    first = first_level(fixed, moving) if first is None else first
    pose = np.array([angle], np.float64), np.array([shift], np.float64)
    state, best = steps.begun(*pose, np.array([fixed.deviation]), np.array([moving.deviation]), np.array([True]))
    for level in range(first, last - 1, -1):
        before, size = state, fixed.level(level).shape
        for _ in range(steps.STEPS_FIRST if level == first else steps.STEPS):
            sums = block_sums(fixed, moving, level, state.angle[0], state.shift[0], state.known[0])
            state = steps.stepped(state, sums[None], 2.0**level, size)
            if not state.active[0]:
                break
        state, best = steps.concluded(before, state, best, float(level), level == first, (fixed.size, moving.size))
        if not state.alive[0]:
            break
    if best.level[0] < 0.0:
        return None
    found = (one[0] if one.ndim > 1 else float(one[0]) for one in best[:-1])
    return Refined(*found, int(best.level[0]))

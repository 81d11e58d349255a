"""From a proposal to the pixels that are there: Gauss-Newton steps up the levels of two pyramids."""

import dataclasses

import numpy as np

from pipelines.geometry import frames
from udl_tf.registration.block_sums import block_sums, radius
from udl_tf.registration.estimate import Estimate, estimate
from udl_tf.registration.pyramid import Pyramid

COARSEST = 96  # pixels, at least, of the shorter side at the level that is begun with
STEPS_FIRST, STEPS = 10, 3  # at the first level, and at each other one
SMALL, COARSE, SURE = (
    0.06,
    0.25,
    0.5,
)  # pixels of the last two levels, of the others, and of the standard error: shorter steps end
GROWN = 1.25  # the robust scale of a coarser level is too small by up to this factor
NEGLIGIBLE = 0.01  # pixels of a level: of a standard error below this nothing hangs on the scale
LONGEST = 1.5  # pixels of a level, of one step
STRAYED_FIRST, STRAYED = 8.0, 3.0  # pixels of a level: what is found further away than this is something else
NO_SCALE = 1e3  # robust scale at which all pixels count alike


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
    known = np.array([0.0, fixed.deviation, 0.0, moving.deviation, NO_SCALE])
    pose, best, agreement = (float(angle), np.asarray(shift, np.float64)), None, 0.0
    for level in range(first, last - 1, -1):
        found = _at_level(fixed, moving, level, pose, known, level == first)
        if found is None:
            break
        pose, known, seen = found
        error, covariance = _in_pixels(seen, level, fixed)
        agreement = max(agreement, seen.agreement)
        overlap = seen.weight * 4.0**level / min(np.prod(fixed.size), np.prod(moving.size))
        if best is None or error <= best.error or not np.isfinite(best.error):
            best = Refined(*pose, covariance, error, seen.correlation, agreement, overlap, level)
        best = dataclasses.replace(best, correlation=seen.correlation, agreement=agreement)
    return best


def _at_level(fixed, moving, level, pose, known, first):
    """(pose, known, `Estimate` before the last step) after the steps of one level; None where it strays."""
    start, size = pose, fixed.level(level).shape
    for _ in range(STEPS_FIRST if first else STEPS):
        seen = estimate(block_sums(fixed, moving, level, *pose, known), known[4] < NO_SCALE)
        if seen is None:
            return None
        length, error = float(np.linalg.norm(seen.step)), float(np.sqrt(np.trace(seen.covariance)))
        step = seen.step * min(1.0, LONGEST / max(length, 1e-12))
        pose = _after(pose, step, level, size)
        settled = seen.known[4] < GROWN * known[4] or error < NEGLIGIBLE
        known = np.array([*_scaled(known[0:2], seen.known[0:2]), *_scaled(known[2:4], seen.known[2:4]), seen.known[4]])
        if settled and np.isfinite(error) and length < max(SMALL if level < 2 else COARSE, SURE * error):
            break
    moved = frames.error(pose[0], pose[1], start, fixed.size) / 2.0**level
    return None if moved > (STRAYED_FIRST if first else STRAYED) else (pose, known, seen)


def _after(pose, step, level, size):
    """The pose (angle, shift) with a step (3,) of a level after it."""
    turn = np.rad2deg(step[0] / radius(size))
    angle, shift = frames.compose(pose, (turn, step[1:] * 2.0**level))
    return float(angle), shift


def _scaled(known, found):
    """Mean and deviation of an image from those of the image that was normalised by what was known of them."""
    return known[0] + known[1] * found[0], known[1] * found[1]


def _in_pixels(seen: Estimate, level, fixed):
    """(expected error in pixels, covariance of angle in degrees, dx and dy in pixels) of an estimate at a level."""
    error = float(np.sqrt(np.trace(seen.covariance))) * 2.0**level
    units = 2.0**level * np.array([np.rad2deg(1.0 / radius(fixed.size)), 1.0, 1.0])
    return error, seen.covariance * units[:, None] * units

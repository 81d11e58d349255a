"""The steps of a refinement, for a batch of pairs: from the sums of a level to the next transform, and what a level found.

Pairs walk up their pyramids together, whether their pixels are read tile by tile (`refinement`) or are all in a graph
(`full_resolution`). A pair that has settled at a level waits for the next one; one that strayed, or sees nothing, has ended.
"""

import typing

import numpy as np

from udl_tf.registration.estimate import estimate
from udl_tf.registration.numbers import ARRAYS, Numbers, radius

STEPS_FIRST, STEPS = 10, 3  # at the first level, and at each other one
# Pixels of the last two levels, of the others, and of the standard error: shorter steps end.
SMALL, COARSE, SURE = 0.06, 0.25, 0.5
GROWN = 1.25  # the robust scale of a coarser level is too small by up to this factor
NEGLIGIBLE = 0.01  # pixels of a level: of a standard error below this nothing hangs on the scale
LONGEST = 1.5  # pixels of a level, of one step
STRAYED_FIRST, STRAYED = 8.0, 3.0  # pixels of a level: what is found further away than this is something else
NO_SCALE = 1e3  # robust scale at which all pixels count alike
UNKNOWN = np.full((3, 3), np.inf)


class State(typing.NamedTuple):
    """Where pairs are; arrays, or tensors.

    Attributes:
        angle: (batch,) degrees. shift: (batch, 2) pixels of the pictures. known: (batch, 5), see `tile_sums`.
        covariance, correlation, agreement, weight: of the `Estimate` before the last step.
        alive: (batch,) bool, whether a pair goes on at the next level. active: whether it goes on at this one.
    """

    angle: typing.Any
    shift: typing.Any
    known: typing.Any
    covariance: typing.Any
    correlation: typing.Any
    agreement: typing.Any
    weight: typing.Any
    alive: typing.Any
    active: typing.Any


class Found(typing.NamedTuple):
    """The best of the levels so far, (batch, ...) each; the fields are those of `refinement.Refined`, level -1: none."""

    angle: typing.Any
    shift: typing.Any
    covariance: typing.Any
    error: typing.Any
    correlation: typing.Any
    agreement: typing.Any
    overlap: typing.Any
    level: typing.Any


def begun(angle, shift, fixed, moving, wanted, numbers: Numbers = ARRAYS) -> tuple[State, Found]:
    """(`State`, `Found`) before the first level.

    Args:
        angle: (batch,) degrees. shift: (batch, 2) pixels. fixed, moving: (batch,) deviations of the pictures, whose means are 0.
        wanted: (batch,) bool; the others stay where they are.
    """
    zero = angle * 0.0
    known = numbers.stack([zero, fixed, zero, moving, zero + NO_SCALE], 1)
    state = State(angle, shift, known, zero[:, None, None] + UNKNOWN, zero, zero, zero, wanted, wanted)
    return state, nothing(angle, shift)


def nothing(angle, shift) -> Found:
    """What is said of transforms, of which nothing is known."""
    zero = angle * 0.0
    return Found(angle, shift, zero[:, None, None] + UNKNOWN, zero + np.inf, zero, zero, zero, zero - 1.0)


def stepped(state: State, sums, scale, size, numbers: Numbers = ARRAYS) -> State:
    """The `State` after one more step of the pairs that are active.

    Args:
        sums: (batch, clusters, 9, 9), of `tile_sums` at the transforms and with the scales of `state`.
        scale: pixels of the pictures along one of the level. size: (height, width) of the fixed frame at that level.
    """
    n, before = numbers, state.known
    seen = estimate(sums, before[:, 4] < NO_SCALE, n)
    length, error = n.sqrt(n.total(seen.step * seen.step, 1)), _error(seen.covariance, n)
    step = seen.step * n.minimum(LONGEST / n.maximum(length, 1e-12), 1.0)[:, None]
    turn = step[:, 0] / radius(size, n) * (180.0 / np.pi)
    angle, shift = n.compose((state.angle, state.shift), (turn, step[:, 1:] * scale))
    found = seen.known
    settled = (found[:, 4] < GROWN * before[:, 4]) | (error < NEGLIGIBLE)
    small = n.where(scale < 4.0, n.float64(SMALL), n.float64(COARSE))
    settled = settled & n.isfinite(error) & (length < n.maximum(SURE * error, small))
    # Means and deviations of the images, from those of the images that were normalised by what was known of them.
    scaled = [before[:, k] + before[:, k + 1] * found[:, k] if k in (0, 2) else before[:, k] * found[:, k] for k in range(4)]
    after = State(
        angle,
        shift,
        n.stack([*scaled, found[:, 4]], 1),
        *(seen.covariance, seen.correlation, seen.agreement, seen.weight),
        *(seen.there, seen.there & ~settled),
    )
    lost = state.active & ~seen.there
    after = chosen(state.active & seen.there, after, state, n)
    return after._replace(alive=after.alive & ~lost, active=after.active & ~lost)


def concluded(before: State, state: State, best: Found, level, first, sizes, numbers: Numbers = ARRAYS) -> tuple[State, Found]:
    """(`State` to begin the next level with, `Found`) when the steps of a level are done.

    Args:
        before: `State` at the beginning of the level. best: `Found` of the levels before it. level: number, a float.
        first: whether it is the first one. sizes: (height, width) of the fixed frame, and of the moving one.
    """
    n, scale = numbers, 2.0**level
    moved = n.error(state.angle, state.shift, (before.angle, before.shift), sizes[0]) / scale
    alive = state.alive & ~(moved > n.where(first, n.float64(STRAYED_FIRST), n.float64(STRAYED)))
    units = n.stack([180.0 / np.pi / radius(sizes[0], n), n.float64(1.0), n.float64(1.0)], 0) * scale
    agreement = n.maximum(best.agreement, state.agreement)
    pixels = n.minimum(*(n.float64(height) * n.float64(width) for height, width in ((one[0], one[1]) for one in sizes)))
    here = Found(
        *(state.angle, state.shift, state.covariance * units[:, None] * units, _error(state.covariance, n) * scale),
        *(state.correlation, agreement, state.weight * scale * scale / pixels, state.angle * 0.0 + level),
    )
    found = chosen(alive & ((here.error <= best.error) | ~n.isfinite(best.error)), here, best, n)
    # The finest level looked at says how alike the pictures are, also where a coarser one knows the transform best.
    latest = found._replace(correlation=state.correlation, agreement=agreement)
    return state._replace(alive=alive, active=alive), chosen(alive, latest, found, n)


def chosen(rows, new, old, numbers: Numbers = ARRAYS):
    """A tuple of numbers (batch, ...), those of `new` at rows (batch,) bool."""
    axes = (rows[(slice(None), *[None] * (len(one.shape) - 1))] for one in new)
    return type(new)(*(numbers.where(row, one, two) for row, one, two in zip(axes, new, old, strict=True)))


def _error(covariance, n):
    """The root of the trace of (batch, 3, 3), pixels of a level."""
    return n.sqrt(n.total(n.diagonal(covariance), 1))

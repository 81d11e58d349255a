"""The steps of a refinement, for a batch of pairs: from the sums of a level to the next transform, and what a level found.

Pairs walk up their pyramids together, whether their pixels are read tile by tile (`refinement`) or are all in a graph
(`full_resolution`). A pair that has settled at a level waits for the next one; one that strayed, or sees nothing, has ended.
"""

import typing

import numpy as np
import tensorflow as tf

from pipelines.geometry import frame_tensors
from udl_tf.registration.estimate import estimate

STEPS_FIRST, STEPS = 10, 3  # at the first level, and at each other one
# Pixels of the last two levels, of the others, and of the standard error: shorter steps end.
SMALL, COARSE, SURE = 0.06, 0.25, 0.5
GROWN = 1.25  # the robust scale of a coarser level is too small by up to this factor
NEGLIGIBLE = 0.01  # pixels of a level: of a standard error below this nothing hangs on the scale
LONGEST = 1.5  # pixels of a level, of one step
STRAYED_FIRST, STRAYED = 8.0, 3.0  # pixels of a level: what is found further away than this is something else
NO_SCALE = 1e3  # robust scale at which all pixels count alike

ROWS, POINTS, MATRICES = (tf.TensorSpec((None, *shape), tf.float64) for shape in ((), (2,), (3, 3)))
FLAGS = tf.TensorSpec((None,), tf.bool)
NUMBER, SIZE = tf.TensorSpec((), tf.int32), tf.TensorSpec((2,), tf.int32)


class State(typing.NamedTuple):
    """Where pairs are.

    Attributes:
        angle: (batch,) degrees. shift: (batch, 2) pixels of the pictures. known: (batch, 5), see `tile_sums`.
        covariance, correlation, agreement, weight: of the `Estimate` before the last step.
        alive: (batch,) bool, whether a pair goes on at the next level. active: whether it goes on at this one.
    """

    angle: tf.Tensor
    shift: tf.Tensor
    known: tf.Tensor
    covariance: tf.Tensor
    correlation: tf.Tensor
    agreement: tf.Tensor
    weight: tf.Tensor
    alive: tf.Tensor
    active: tf.Tensor


class Found(typing.NamedTuple):
    """The best of the levels so far, tensors (batch, ...); the fields are those of `refinement.Refined`, level -1: none."""

    angle: tf.Tensor
    shift: tf.Tensor
    covariance: tf.Tensor
    error: tf.Tensor
    correlation: tf.Tensor
    agreement: tf.Tensor
    overlap: tf.Tensor
    level: tf.Tensor


KNOWN = tf.TensorSpec((None, 5), tf.float64)
SUMS = tf.TensorSpec((None, None, 9, 9), tf.float64)
STATE = State(ROWS, POINTS, KNOWN, MATRICES, ROWS, ROWS, ROWS, FLAGS, FLAGS)
FOUND = Found(ROWS, POINTS, MATRICES, ROWS, ROWS, ROWS, ROWS, tf.TensorSpec((None,), tf.int32))


@tf.function(input_signature=(ROWS, POINTS, ROWS, ROWS, FLAGS), autograph=False)
def begun(angle, shift, fixed, moving, wanted):
    """(`State`, `Found`) before the first level.

    Args:
        angle: (batch,) degrees. shift: (batch, 2) pixels. fixed, moving: (batch,) deviations of the pictures, whose means are 0.
        wanted: (batch,) bool; the others stay where they are.
    """
    zero = tf.zeros_like(angle)
    unknown = tf.fill(tf.stack([tf.size(angle), 3, 3]), tf.constant(np.inf, tf.float64))
    known = tf.stack([zero, fixed, zero, moving, zero + NO_SCALE], 1)
    none = tf.fill(tf.shape(angle), -1)
    state = State(angle, shift, known, unknown, zero, zero, zero, wanted, wanted)
    return state, Found(angle, shift, unknown, zero + np.inf, zero, zero, zero, none)


@tf.function(input_signature=(STATE, SUMS, NUMBER, SIZE), autograph=False)
def stepped(state, sums, level, size):
    """The `State` after one more step of the pairs that are active.

    Args:
        sums: (batch, clusters, 9, 9), of `tile_sums` at the transforms and with the scales of `state`.
        level: of the pyramids. size: (height, width) of the fixed frame at that level.
    """
    seen = estimate(sums, state.known[:, 4] < NO_SCALE)
    length, error = tf.norm(seen.step, axis=1), tf.sqrt(tf.linalg.trace(seen.covariance))
    step = seen.step * tf.minimum(LONGEST / tf.maximum(length, 1e-12), 1.0)[:, None]
    turn = step[:, 0] / radius(size) * (180.0 / np.pi)
    angle, shift = frame_tensors.compose((state.angle, state.shift), (turn, step[:, 1:] * _scale(level)))
    before, found = state.known, seen.known
    scaled = [before[:, :1] + before[:, 1:2] * found[:, :1], before[:, 1:2] * found[:, 1:2]]
    scaled += [before[:, 2:3] + before[:, 3:4] * found[:, 2:3], before[:, 3:4] * found[:, 3:4]]
    settled = (found[:, 4] < GROWN * before[:, 4]) | (error < NEGLIGIBLE)
    small = tf.cast(tf.where(level < 2, SMALL, COARSE), tf.float64)
    settled &= tf.math.is_finite(error) & (length < tf.maximum(small, SURE * error))
    after = State(
        angle,
        shift,
        tf.concat([*scaled, found[:, 4:]], 1),
        *(seen.covariance, seen.correlation, seen.agreement, seen.weight),
        *(seen.there, seen.there & ~settled),
    )
    lost = state.active & ~seen.there
    after = chosen(state.active & seen.there, after, state)
    return after._replace(alive=after.alive & ~lost, active=after.active & ~lost)


@tf.function(input_signature=(STATE, STATE, FOUND, NUMBER, tf.TensorSpec((), tf.bool), SIZE, SIZE), autograph=False)
def concluded(before, state, best, level, first, fixed, moving):
    """(`State` to begin the next level with, `Found`) when the steps of a level are done.

    Args:
        before: `State` at the beginning of the level. best: `Found` of the levels before it. first: whether it is the first one.
        fixed, moving: (height, width) of the frames.
    """
    scale = _scale(level)
    moved = frame_tensors.error(state.angle, state.shift, (before.angle, before.shift), fixed) / scale
    alive = state.alive & ~(moved > tf.cast(tf.where(first, STRAYED_FIRST, STRAYED), tf.float64))
    error = tf.sqrt(tf.linalg.trace(state.covariance)) * scale
    units = _units(scale, fixed)
    agreement = tf.maximum(best.agreement, state.agreement)
    pixels = tf.minimum(*(tf.reduce_prod(tf.cast(size, tf.float64)) for size in (fixed, moving)))
    here = Found(
        *(state.angle, state.shift, state.covariance * units[:, None] * units, error, state.correlation, agreement),
        state.weight * tf.square(scale) / pixels,
        tf.fill(tf.shape(best.level), level),
    )
    better = alive & ((error <= best.error) | ~tf.math.is_finite(best.error))
    found = chosen(better, here, best)
    # The finest level looked at says how alike the pictures are, also where a coarser one knows the transform best.
    latest = chosen(alive, found._replace(correlation=state.correlation, agreement=agreement), found)
    return state._replace(alive=alive, active=alive), latest


def radius(size):
    """Root mean square distance of the pixels of a frame (height, width) from its centre."""
    return tf.sqrt(tf.reduce_sum(tf.square(tf.cast(size, tf.float64))) / 12.0)


def _scale(level):
    """Pixels of the pictures along a pixel of a level."""
    return tf.pow(tf.constant(2.0, tf.float64), tf.cast(level, tf.float64))


def _units(scale, fixed):
    """Degrees and pixels of the pictures to an arc of a pixel, and a pixel, of a level."""
    return scale * tf.stack([180.0 / np.pi / radius(fixed), 1.0, 1.0])


def chosen(rows, new, old):
    """A tuple of tensors (batch, ...), those of `new` at rows (batch,) bool."""
    fields = (tf.where(tf.reshape(rows, [-1] + [1] * (len(one.shape) - 1)), one, two) for one, two in zip(new, old, strict=True))
    return type(new)(*fields)

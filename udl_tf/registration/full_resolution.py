"""`register_pair` as one graph: pairs of pictures of any size, proposed and refined to their own pixels. It is what is served.

The way is that of `pairs`, for a batch at once: propose from the middles of the pictures, refine up their pyramids, and where
the answer is doubtful look again, at all of both pictures. Tiles are read a few at a time, but the pictures themselves and
their pyramids are all in memory.
"""

import typing

import numpy as np
import tensorflow as tf

from pipelines.geometry import frame_tensors, wrap_degrees
from udl_tf.registration import steps
from udl_tf.registration.batch_sums import batch_sums
from udl_tf.registration.numbers import TENSORS
from udl_tf.registration.pairs import DOUBTFUL, LEAST_OVERLAP
from udl_tf.registration.proposal import SIDE
from udl_tf.registration.refinement import COARSEST
from udl_tf.registration.result import trusted
from udl_tf.registration.tensor_pyramid import TensorPyramid

PICTURES = tf.TensorSpec((None, None, None), tf.float32)
MOST_LEVELS = 16


def full_resolution(align: typing.Callable) -> typing.Callable:
    """The function (fixed, moving) -> answers, around an aligner of squares.

    Args:
        align: function (fixed, moving), float32 (n, side, side) both, or one fixed for all -> dict with angle, shift, score.

    Returns:
        Function of float32 (n or 1, height, width) and (n, any, any) -> dict of tensors, see `answers`.
    """

    def align_full(fixed, moving):
        sides = tf.concat([tf.shape(fixed)[1:], tf.shape(moving)[1:]], 0)
        first = _halvings(sides, COARSEST)
        fixed, moving = TensorPyramid(fixed, first), TensorPyramid(moving, first)
        good = fixed.good & moving.good
        zero = tf.zeros(tf.shape(good), tf.float64)
        nothing = steps.nothing(zero, tf.stack([zero, zero], 1))
        oblong = tf.reduce_min(sides) < tf.reduce_max(sides)

        def look(number, best, score):
            wanted = good & (score < tf.where(number == 0, tf.constant(np.inf, tf.float64), DOUBTFUL))
            found, believed = _looked(align, fixed, moving, first, wanted, number > 0)
            better = wanted & (believed > score)
            return number + 1, steps.chosen(better, found, best, TENSORS), tf.where(better, believed, score)

        def doubtful(number, _, score):
            return (number == 0) | (number == 1) & oblong & tf.reduce_any(good & (score < DOUBTFUL))

        # The first look, and the second where it is wanted, are one part of the graph.
        _, best, score = tf.while_loop(doubtful, look, (0, nothing, zero - 1.0), parallel_iterations=1)
        return answers(best, tf.maximum(score, 0.0), good)

    return align_full


def answers(best: steps.Found, score: tf.Tensor, good: tf.Tensor) -> dict[str, tf.Tensor]:
    """What is said of each pair, float64: the fields of `result.Registration`.

    Where pictures have nothing in common, nothing is moved and the score is 0; a pair with a picture that is constant or not
    finite has NaN for its transform.
    """
    missing = tf.where(good, tf.zeros_like(score), np.nan)
    variance = tf.linalg.diag_part(best.covariance)
    return {
        "angle": wrap_degrees(best.angle) + missing,
        "shift": best.shift + missing[:, None],
        "covariance": best.covariance,
        "angle_sigma": tf.sqrt(variance[:, 0]),
        "shift_sigma": tf.sqrt(variance[:, 1:]),
        "score": score,
        "correlation": best.correlation,
        "overlap": best.overlap,
    }


def _looked(align, fixed, moving, first, wanted, whole):
    """(`steps.Found`, score) of the pairs that are wanted: proposed, refined, judged; score 0 where nothing is found."""
    angle, shift, score = _proposed(align, fixed, moving, wanted, whole)
    found = _refined(fixed, moving, angle, shift, first, wanted)
    there = (found.level >= 0.0) & (found.overlap >= LEAST_OVERLAP) & tf.math.is_finite(found.error)
    nothing = steps.nothing(tf.zeros_like(angle), tf.zeros_like(shift))
    return steps.chosen(there, found, nothing, TENSORS), tf.where(there, trusted(score, found.agreement, tf.exp), 0.0)


def _proposed(align, fixed, moving, wanted, whole):
    """`proposal.propose` for pairs that are wanted: angle (batch,), shift (batch, 2), score (batch,); zeros for the others."""
    rows = tf.cast(tf.where(wanted)[:, 0], tf.int32)
    level = _halvings(tf.concat([fixed.size, moving.size], 0), SIDE)
    pictures = fixed.level(level), moving.level(level)
    one = tf.shape(pictures[0])[0] == 1
    pictures = tf.gather(pictures[0], tf.where(one, tf.zeros_like(rows), rows)), tf.gather(pictures[1], rows)
    sides = tf.concat([tf.shape(array)[1:] for array in pictures], 0)
    side = tf.where(whole, tf.reduce_max(sides), tf.reduce_min(sides))
    found = align(*(_square(array, side) for array in pictures))
    known = tf.math.is_finite(found["angle"])
    scale = tf.pow(tf.constant(2.0, tf.float64), tf.cast(level, tf.float64))
    angle = tf.cast(tf.where(known, found["angle"], 0.0), tf.float64)
    shift = tf.cast(tf.where(known[:, None], found["shift"], 0.0), tf.float64) * scale
    middles = [_middle(array, side, scale, one.size) for array, one in zip(pictures, (fixed, moving), strict=True)]
    shift = frame_tensors.moved_centres(angle, shift, *middles)
    score = tf.cast(tf.where(known, found["score"], 0.0), tf.float64)
    count = tf.shape(wanted)
    return (tf.scatter_nd(rows[:, None], part, tf.concat([count, tf.shape(part)[1:]], 0)) for part in (angle, shift, score))


def _refined(fixed, moving, angle, shift, first, wanted):
    """`refinement.refine` for a batch: `steps.Found`."""
    sizes = fixed.size, moving.size

    def climb(level, state, best):
        still, moved = fixed.level(level), moving.level(level)
        number = tf.cast(level, tf.float64)
        most = tf.where(level == first, steps.STEPS_FIRST, steps.STEPS)

        def step(count, at):
            sums = batch_sums(still, moved, sizes, level, at)
            return count + 1, steps.stepped(at, sums, 2.0**number, tf.shape(still)[1:], TENSORS)

        def more(count, at):
            return (count < most) & tf.reduce_any(at.active)

        _, after = tf.while_loop(more, step, (0, state), parallel_iterations=1)
        after, best = steps.concluded(state, after, best, number, level == first, sizes, TENSORS)
        return level - 1, after, best

    deviations = (one.deviation + tf.zeros_like(angle) for one in (fixed, moving))
    began = steps.begun(angle, shift, *deviations, wanted, TENSORS)
    _, _, found = tf.while_loop(
        lambda level, state, _: (level >= 0) & tf.reduce_any(state.alive), climb, (first, *began), parallel_iterations=1
    )
    return found


def _halvings(sides, least):
    """How often the shortest of sides may be halved so that `least` pixels are left: int32 ()."""
    return tf.math.count_nonzero(tf.reduce_min(sides) >= np.int32(least * 2 ** np.arange(1, MOST_LEVELS)), dtype=tf.int32)


def _square(images, side):
    """The squares of `side` pixels in the middle of images (n, height, width), what is missing at the level of their borders."""
    border = tf.concat([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], 1)
    border, half = tf.sort(border, 1), tf.shape(border)[1] // 2  # of an even number of pixels
    level = (border[:, half - 1] + border[:, half]) / 2.0
    inside = True
    for axis in (1, 2):
        length = tf.shape(images)[axis]
        at = (length - side) // 2 + tf.range(side)
        images = tf.gather(images, tf.clip_by_value(at, 0, length - 1), axis=axis)
        here = (at >= 0) & (at < length)
        inside &= here[:, None] if axis == 1 else here
    return tf.where(inside, images, level[:, None, None])


def _middle(images, side, scale, size):
    """The middle (x, y) of that square in pixels of the pictures, from the pictures' centres."""
    corner = tf.cast(tf.reverse((tf.shape(images)[1:] - side) // 2, [0]), tf.float64)
    return scale * (corner + tf.cast(side, tf.float64) / 2.0) - 0.5 - frame_tensors.centre(size)

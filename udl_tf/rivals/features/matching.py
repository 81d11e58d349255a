"""Maps of descriptors matched: mutual nearest neighbours, ratio test, between places; the moving image in several turns.

A convolutional network's descriptors do not turn with the image. So the moving image is turned by every twelfth of the circle
and the turn is taken whose matches agree on the largest set.
"""

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.geometry import displacement, warp
from udl_tf.rivals import consensus

TURNS = 12
TRIED = 3  # turns that a consensus is looked for in, those of the most likely matches
RATIO = 0.95  # of the distance to the nearest, to that of the nearest one elsewhere
BATCH = 16


def places(descriptors, inputs, stride):
    """Matched places of pairs.

    Args:
        descriptors: function (images (batch, side, side)) -> (batch, rows, columns, channels) of unit length, at nodes `stride`
            pixels apart around the centre. inputs: dict of `fixed` and `moving`, float32 (n, side, side).

    Returns:
        List of n pairs of places (m, 2) in fixed and in moving, pixels from the first one's centre, as OpenCV counts them.
    """
    angles, found = np.arange(TURNS, dtype=np.float32) * np.float32(360.0 / TURNS), []
    middle = (inputs["moving"].shape[1] - 1) / 2.0
    for start in range(0, len(inputs["moving"]), BATCH):
        fixed, moving = (tf.constant(inputs[name][start : start + BATCH]) for name in ("fixed", "moving"))
        own = descriptors(fixed)
        turns = [[part.numpy() for part in matches(own, descriptors(turned(moving, angle)), stride)] for angle in angles]
        for row in range(len(fixed)):
            here = [tuple(part[row] for part in turn) for turn in turns]
            best = sorted(range(TURNS), key=lambda k: -here[k][3].sum())[:TRIED]
            chosen = [_upright(here[k], angles[k]) for k in best]
            agreed = [consensus.rigid(*(part + middle for part in pair))[1].sum() for pair in chosen]
            found.append(tuple(np.float32(part + middle) for part in chosen[int(np.argmax(agreed))]))
    return found


def turned(images, angle):
    """Images (batch, side, side) turned by one angle, degrees."""
    count = tf.shape(images)[0]
    return warp.warp(images, tf.fill([count], angle), tf.zeros([count, 2]), fill_mode="reflect")


@tf.function(autograph=False)
def matches(fixed, moving, stride):
    """Every place of `fixed` with its nearest in `moving`, both (batch, rows, columns, channels) of unit length; see `mutual`."""
    flat = [tf.reshape(part, (-1, part.shape[1] * part.shape[2], part.shape[3])) for part in (fixed, moving)]
    return mutual(tf.matmul(flat[0], flat[1], transpose_b=True), *fixed.shape[1:3], stride)


def mutual(like, rows, columns, stride):
    """Every place of one map with its nearest of another.

    Args:
        like: (batch, rows * columns, rows * columns), how like each place of fixed is to each of moving: 1 less half the squared
            distance of their descriptors. stride: pixels between nodes, or (along x, along y).

    Returns:
        places (batch, n, 2) in fixed and in moving, the latter between nodes by a parabola, pixels from the centre; whether the
        two are mutual nearest neighbours and pass the ratio test, bool (batch, n); and how sure that is, 0 where not, (batch, n).
    """
    count = rows * columns
    nearest = tf.argmax(like, 2, tf.int32)
    both = tf.gather(tf.argmax(like, 1, tf.int32), nearest, batch_dims=1) == tf.range(count)
    line, column = nearest // columns, nearest % columns
    far = tf.maximum(tf.abs(line[..., None] - tf.range(count) // columns), tf.abs(column[..., None] - tf.range(count) % columns))
    best, other = tf.reduce_max(like, 2), tf.reduce_max(tf.where(far > 1, like, tf.reduce_min(like)), 2)
    first, second = (tf.sqrt(tf.maximum(2.0 - 2.0 * part, 1e-6)) for part in (best, other))
    good = both & (first < RATIO * second)
    nodes = tf.constant(displacement.nodes(rows, columns, 1.0).reshape(-1, 2))
    step = tf.stack([_peak(like, nearest, column, columns, 1), _peak(like, nearest, line, rows, columns)], -1)
    own = tf.broadcast_to(nodes, tf.shape(step))
    return own * stride, (tf.gather(nodes, nearest) + step) * stride, good, tf.where(good, 1.0 - first / second, 0.0)


def _peak(like, nearest, place, size, apart):
    """Where between its two neighbours along an axis a maximum lies, by a parabola, within half a node; 0 at the border."""
    middle = tf.gather(like, nearest, batch_dims=2)
    inside = (place > 0) & (place < size - 1)
    before, after = (tf.gather(like, tf.where(inside, nearest + sign * apart, nearest), batch_dims=2) for sign in (-1, 1))
    found = tf.math.divide_no_nan(0.5 * (after - before), 2.0 * middle - after - before)
    return tf.where(inside, tf.clip_by_value(found, -0.5, 0.5), 0.0)


def _upright(turn, angle):
    """Places in fixed and in moving (m, 2) of the good matches of one turn, as they lie before the turn."""
    fixed, moving, good, _ = turn
    return fixed[good], geometry.rotate_points(-angle, moving[good]).numpy()

"""Polish for photographs: from the disc inside both frames to their whole overlap, and to every pixel.

The disc sees four fifths of a frame, and less of what two frames share when they are moved. Under noise that is too little to
be sure of the right hypothesis, so where the evidence is small the proposal's other peaks are tried over the overlap, too.
"""

import collections

import tensorflow as tf

from pipelines import geometry
from pipelines.spectra.resample import scale_shift
from udl_tf.alignment import frame_refinement
from udl_tf.alignment.agreement import Agreement
from udl_tf.alignment.frame_filter import FrameFilter
from udl_tf.alignment.subgraph import subgraph
from udl_tf.alignment.verification import APART
from udl_tf.alignment.wiener import CEILING
from udl_tf.networks.window import soft_disc

COARSE, HALF, FULL = 4, 4, 2  # Gauss-Newton steps at a quarter of the box, at half of it, and on all pixels
NEAR, WHOLE = 0.4, 0.94  # radii of what is asked for the noise, before and after refinement at half the box
SLOW = (len(frame_refinement.TERMS) - 1) / 2.0  # complex numbers in a surface
FINALISTS = 3  # hypotheses that are compared at half the box
# Other hypotheses are tried where the evidence is below DOUBTFUL, or the correlation below this share of an aligned pair's.
DOUBTFUL, UNLIKE = 80.0, 0.7

SIGNS = 4  # what the polish adds to those of `shared`

Frame = collections.namedtuple("Frame", "angle shift variance lead signs")
Half = collections.namedtuple("Half", "angle shift variance lead value")
Tried = collections.namedtuple("Tried", "angle shift variance value")


class FramePolish:
    """Refines verified transforms of photographs.

    Args:
        box: image side in pixels of the transforms that are given and returned.
    """

    def __init__(self, box):
        self.box, self.half, self.quarter = box, box // 2, box // 4
        self.filter = FrameFilter(box)
        self.near, self.whole = soft_disc(box, NEAR), soft_disc(box, WHOLE)
        images, vectors = [tf.TensorSpec((None, box, box))] * 2, [tf.TensorSpec((None,)), tf.TensorSpec((None, 2))]
        self.agreement = subgraph(Agreement(box), *images, *vectors, tf.TensorSpec((2,)), tf.TensorSpec((box, box)))

    def __call__(self, fixed, moving, native, found, others, shared, limit):
        """Refine.

        Args:
            fixed, moving: (batch, box, box). native: side of the images before. found: `verification.Verified`.
            others: angle (batch, k) and shift (batch, k, 2) of other hypotheses. limit: their largest shift, pixels.
            shared: (batch,) bool, pairs that share something as they lie, which may agree best over the whole overlap: of
                these no other hypothesis is tried.

        Returns:
            `Frame`: angle, shift, the `variance` (batch,) of the angle in square degrees, the lead, over the whole overlap
            where other hypotheses were tried; and `signs` (batch, SIGNS) of one object in both: logarithms of 1 + the
            log-likelihood of a common signal at half the box and on all pixels, the correlation of all pixels, and the
            share of the highest frequencies that both have in common.
        """
        band, seen = self.filter.noise_band(native), self.filter.seen(fixed, moving)
        agreed = self.agreement(fixed, moving, found.angle, found.shift, band, self.near)
        levels = self.filter.filtered(*seen, native, (self.quarter, self.half), agreed)
        near = self._refined(levels[self.half], found.angle, found.shift, HALF)
        unlike = near.correlation < UNLIKE * levels[self.half].expected
        rows = tf.where(((found.evidence < DOUBTFUL) | unlike) & ~shared)[:, 0]
        some = {size: _rows(level, rows) for size, level in levels.items()}
        tries = zip((near.angle, near.shift), others, strict=True)
        tries = (tf.concat([tf.gather(one, rows)[:, None], tf.gather(more, rows)], 1) for one, more in tries)
        best = self._best(some, *tries, limit)
        at = rows[:, None]
        parts = near.angle, near.shift, near.variance, found.lead, _value(near, levels[self.half].independent)
        half = Half(*(tf.tensor_scatter_nd_update(part, at, new) for part, new in zip(parts, best, strict=True)))
        agreed = tf.maximum(agreed, self.agreement(fixed, moving, half.angle, half.shift, band, self.whole))
        level = self.filter.filtered(*seen, native, (self.box,), agreed)[self.box]
        fine = self._refined(level, half.angle, half.shift, FULL)
        # Smooth pictures hold nothing there but what interpolation leaves: then half of the size knows better.
        finer = fine.variance < half.variance
        angle, shift = tf.where(finer, fine.angle, half.angle), tf.where(finer[:, None], fine.shift, half.shift)
        values = (tf.math.log1p(tf.maximum(value, 0.0)) for value in (half.value, _value(fine, level.independent)))
        signs = tf.stack([*values, _believed(fine.correlation), agreed], 1)
        return Frame(angle, shift, tf.minimum(fine.variance, half.variance), half.lead, signs)

    def _best(self, levels, angles, shifts, limit):
        """`Half` of the best of hypotheses (batch, k), (batch, k, 2), refined at half the box; the first always counts."""
        first = self._tried(levels[self.quarter], angles, shifts, COARSE)
        within = (tf.norm(first.shift, axis=2) <= limit) | (tf.range(tf.shape(angles)[1]) == 0)
        value = tf.where(within, first.value, -1.0)
        top = tf.math.top_k(value, FINALISTS).indices
        tries = (tf.gather(one, top, batch_dims=1) for one in (first.angle, first.shift))
        last = self._tried(levels[self.half], *tries, HALF)
        winner = tf.argmax(tf.where(tf.gather(within, top, batch_dims=1), last.value, -1.0), 1)
        *chosen, most = (tf.gather(one, winner, batch_dims=1) for one in last)
        own = tf.gather(tf.gather(value, top, batch_dims=1), winner, batch_dims=1)
        apart = geometry.angular_distance(first.angle, chosen[0][:, None]) > APART
        rival = tf.reduce_max(tf.where(apart, value, 0.0), 1)
        return Half(*chosen, tf.maximum(own - tf.maximum(rival, 0.0), 0.0), most)

    def _tried(self, level, angles, shifts, steps):
        """Hypotheses (batch, k), (batch, k, 2) refined, and the log-likelihood of each over the overlap."""
        shape = tf.shape(angles)
        pair = tf.repeat(tf.range(shape[0]), shape[1])
        found = self._refined(_rows(level, pair), tf.reshape(angles, (-1,)), tf.reshape(shifts, (-1, 2)), steps)
        value = _value(found, tf.gather(level.independent, pair))
        value = tf.where(found.variance < frame_refinement.STRAYED, value, 0.0)
        shift = tf.reshape(found.shift, (shape[0], shape[1], 2))
        angle, variance, value = (tf.reshape(part, shape) for part in (found.angle, found.variance, value))
        return Tried(angle, shift, variance, value)

    def _refined(self, level, angle, shift, steps):
        size = level.fixed.shape[1]
        start = angle, scale_shift(shift, self.box, size)
        found = frame_refinement.refine(level.fixed, level.moving, *start, steps, level.share, level.expected)
        return found._replace(shift=scale_shift(found.shift, size, self.box))


def _value(found, independent):
    """Log-likelihood (batch,) of a common signal in `frame_refinement.Polished` pairs, over their overlap.

    Slow changes hold most of the power, but few numbers: light from one side must not outvote all else.
    """
    slow = SLOW * tf.math.log(1.0 - tf.square(tf.minimum(_believed(found.surface), CEILING)))
    return -found.overlap * independent * tf.math.log(1.0 - tf.square(_believed(found.correlation))) - slow


def _believed(correlation):
    return tf.clip_by_value(tf.where(tf.math.is_finite(correlation), correlation, 0.0), 0.0, 0.999)


def _rows(level, rows):
    return type(level)(*(tf.gather(part, rows) for part in level))

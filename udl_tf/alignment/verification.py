"""Verify: refine the hypotheses that are worth it, and keep the one for which the pair's evidence is largest."""

import collections

import tensorflow as tf

from pipelines import geometry

Verified = collections.namedtuple("Verified", "angle shift evidence potential lead variance signs")

WORTH = 0.85  # a hypothesis is tried if its correlation is at least this share of the best one's
FIRST = 2  # steps of refinement for all hypotheses
APART = 8.0  # degrees; a hypothesis that ends closer to the best one is the same


def verify(refinement, derivatives, moving, hypotheses, steps):
    """The best of a few hypotheses, refined.

    How many are tried depends on the pair: all that are tried, of all pairs, are refined as one batch.

    Args:
        refinement: `SpectralRefinement`. derivatives: of the fixed images. moving: planes.
        hypotheses: `proposal.Hypotheses`, best first.
        steps: of refinement for the one that is kept.

    Returns:
        `Verified`: angle (batch,) degrees, shift (batch, 2) pixels; `evidence` (batch,) of the aligned pair, and `potential`
        (batch,), the evidence there would be if all that stands out of the noise were common to both; `lead` (batch,), by how
        much the evidence exceeds the next best hypothesis's (the evidence itself where no other was tried); `variance` (batch,)
        of the angle, square degrees; `signs` (batch, k), see `signs.Signs`.
    """
    tried = hypotheses.value >= WORTH * hypotheses.value[:, :1]  # (batch, k); the first always is
    tried = tf.concat([tf.ones_like(tried[:, :1]), tried[:, 1:]], 1)
    places = tf.cast(tf.where(tried), tf.int32)  # (tries, 2)
    pair = places[:, 0]
    first = refinement.refine(
        tf.gather(derivatives, pair),
        tf.gather(moving, pair),
        tf.gather_nd(hypotheses.angle, places),
        tf.gather_nd(hypotheses.shift, places),
        FIRST,
    )
    shape = tf.shape(tried)
    evidence = tf.tensor_scatter_nd_update(tf.fill(shape, -1.0), places, first.evidence)
    angles = tf.scatter_nd(places, first.angle, shape)
    shifts = tf.scatter_nd(places, first.shift, tf.concat([shape, [2]], 0))
    best = tf.argmax(evidence, 1)
    angle = tf.gather(angles, best, batch_dims=1)
    last = refinement.refine(derivatives, moving, angle, tf.gather(shifts, best, batch_dims=1), steps)
    other = geometry.angular_distance(angles, angle[:, None]) > APART
    runner_up = tf.reduce_max(tf.where(other, evidence, 0.0), 1)
    lead = tf.reduce_max(evidence, 1) - tf.maximum(runner_up, 0.0)
    return Verified(last.angle, last.shift, last.evidence, last.potential, lead, last.variance, last.signs)

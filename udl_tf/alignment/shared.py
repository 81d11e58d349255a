"""What two images share as they lie, before any turn: the sensor's pattern, a hot column, the same edge in both.

It does not turn with the object. A pair that is aligned already shares the object itself, so what is shared may only be
taken out for a second look: if the rest of both images still agrees, at another transform, that one is the object's; if
nothing is left, the first look was right.
"""

import numpy as np
import tensorflow as tf

from pipelines.spectra import spectral_plane
from udl_tf.alignment.signs import Signs
from udl_tf.alignment.verification import APART, Verified, verify
from udl_tf.alignment.wiener import Rings

SUSPECT = 12.0  # evidence that images agree as they lie, from which on there is a second look
LYING = 3.0, 1.5  # degrees, pixels: transforms within are taken for none, which is what a shared pattern has
ALIKE, MOSTLY, ALL = 0.6, 0.75, 0.93  # shares of the evidence that a pair has as it lies: below ALIKE it is the turned object's
CLEAR = 0.3  # share of the evidence that a second look must find where less than ALL of it is there as the pair lies
FOUND = 22.0  # evidence in it that nothing but an object gives
NOTHING = 1e-10  # share of the power: what rounding leaves of two images that are one
REACH = 3  # samples of a plane on either side, over which it is seen what is shared at a frequency
STEPS = 4  # of refinement of the hypothesis that is kept
EXACT = 1.0 - 1e-4  # largest correlation believed where two transforms close to each other are told apart
# A pair that agrees better by this much once it is moved a little, plus this share of its evidence, is an object that moved:
# what does not turn with the object lies still.
MOVED = 6.0, 0.05
# Of a pair: what `Signs` measures, the evidence that it agrees as it lies, whether the second look counts, how uneven both are,
# by how much it agrees better once it is moved, whether that says that an object moved.
SIGNS = Signs.COUNT + 6


class SecondLook:
    """Looks again at pairs that agree as they lie.

    Args:
        refinement: `SpectralRefinement`. propose: (fixed, moving, limit) -> `Hypotheses`, of described batches.
        highest: frequency of the planes.
    """

    def __init__(self, refinement, propose, highest):
        self.refinement, self.propose, self.points = refinement, propose, refinement.points
        radius = np.linalg.norm(self.points, axis=1)
        self.rings = Rings(radius, spectral_plane.multiplicity(self.points, highest), highest + 1, 2.5)

    def __call__(self, fixed, moving, limit, found):
        """`Verified` of pairs, of which those that share something as they lie were looked at again.

        Args:
            fixed, moving: described batches, see `Chain.describe`. limit: largest shift. found: `Verified` at first sight.
        """
        planes = fixed["plane"], moving["plane"]
        still, other = (spectral_plane.upright(plane, self.points) for plane in planes)
        coherence, *_ = self.rings.coherence(still, other)
        lying = self.rings.evidence(coherence)
        as_it_lies = _as_it_lies(found.angle, found.shift)
        rows = tf.where((lying > SUSPECT) & (as_it_lies | (lying > ALIKE * found.evidence)))[:, 0]
        first = Verified(*(tf.gather(part, rows) for part in found))
        pair = [{name: tf.gather(seen[name], rows) for name in ("image", "plane")} for seen in (fixed, moving)]
        planes = without_shared(*(seen["plane"] for seen in pair))
        second = self._look(*({**seen, "plane": plane} for seen, plane in zip(pair, planes, strict=True)), limit, first)
        left, before = (tf.reduce_mean(tf.square(plane), [1, 2, 3]) for plane in (planes[0], pair[0]["plane"]))
        share = tf.gather(lying, rows) / first.evidence
        clear = (second.evidence > CLEAR * first.evidence) & (share > MOSTLY) | (share > ALL) | tf.gather(as_it_lies, rows)
        clear |= second.evidence > first.evidence
        gain, most = self._gain(*(seen["plane"] for seen in pair), first)
        moved = tf.gather(as_it_lies, rows) & (gain > MOVED[0] + MOVED[1] * most)
        new = (second.evidence > FOUND) & clear & _apart(second, first) & (left > NOTHING * before) & ~moved
        at = rows[:, None]
        merged = (
            tf.tensor_scatter_nd_update(whole, at, tf.where(tf.reshape(new, [-1] + [1] * (len(one.shape) - 1)), two, one))
            for whole, one, two in zip(found, first, second, strict=True)
        )
        merged = Verified(*merged)
        told = (tf.cast(new, tf.float32), tf.math.log1p(tf.maximum(gain, 0.0)), tf.cast(moved, tf.float32))
        looked, gain, moved = (tf.scatter_nd(at, one, tf.shape(lying, out_type=at.dtype)) for one in told)
        uneven = [choose(fixed["uneven"], moving["uneven"]) for choose in (tf.minimum, tf.maximum)]
        more = tf.stack([tf.math.log1p(lying), looked, *map(tf.math.log1p, uneven), gain, moved], 1)
        return merged._replace(signs=tf.concat([merged.signs, more], 1))

    def _gain(self, fixed, moving, first):
        """By how much the evidence of planes is larger at a transform than as they lie, and how large it is there."""
        still, lying = (spectral_plane.upright(plane, self.points) for plane in (fixed, moving))
        there = self.refinement.transformed(moving, first.angle, first.shift)
        most, least = (self.rings.evidence(self.rings.coherence(still, one, EXACT)[0]) for one in (there, lying))
        return most - least, most

    def _look(self, fixed, moving, limit, first):
        """The best transform of what is left, that found at first sight being one of the hypotheses."""
        hypotheses = self.propose(fixed, moving, limit)
        best = hypotheses.value[:, :1]
        hypotheses = type(hypotheses)(
            tf.concat([hypotheses.angle, first.angle[:, None]], 1),
            tf.concat([hypotheses.shift, first.shift[:, None]], 1),
            tf.concat([hypotheses.value, best], 1),
        )
        return verify(self.refinement, self.refinement.derivatives(fixed["plane"]), moving["plane"], hypotheses, STEPS)


def shares_something(signs):
    """Whether pairs agree as they lie so far that they were looked at again, (batch,) bool, from their signs (batch, k)."""
    return signs[:, Signs.COUNT] > np.log1p(SUSPECT)


def lies_still(signs, angle, shift):
    """Whether what pairs share may be all that does not turn with the object, (batch,) bool: they agree best as they lie.

    Args:
        signs: (batch, k), see `SecondLook`. angle: (batch,) degrees, shift: (batch, 2) pixels, at which they agree best.
    """
    return shares_something(signs) & _as_it_lies(angle, shift) & (signs[:, SIGNS - 1] < 0.5)


def without_shared(fixed, moving):
    """Planes of two images (batch, 2 h + 1, h + 1, 2) less what both share as they lie.

    The part r of their mean is taken off, r the correlation over a few frequencies around each. Where all is shared half
    the difference is left of one and minus that of the other; where nothing is, both are as they were.
    """
    cross = tf.reduce_sum(fixed * moving, -1)
    powers = [tf.reduce_sum(tf.square(plane), -1) for plane in (fixed, moving)]
    cross, one, two = (_around(part) for part in (cross, *powers))
    share = tf.clip_by_value(cross * tf.math.rsqrt(one * two + 1e-12), 0.0, 1.0)[..., None] / 2.0
    scale = tf.sqrt(tf.reduce_mean(one, [1, 2]) / (tf.reduce_mean(two, [1, 2]) + 1e-12))[:, None, None, None]
    return fixed - share * (fixed + moving * scale), moving - share * (moving + fixed / scale)


def _around(values):
    """Sums of values (batch, 2 h + 1, h + 1) over the squares about each; the other half plane is the mirror image."""
    mirrored = tf.reverse(values[:, :, 1 : REACH + 1], [1, 2])
    wide = tf.pad(tf.concat([mirrored, values], 2), [[0, 0], [0, 0], [0, REACH]])
    side = 2 * REACH + 1
    rows = tf.nn.avg_pool2d(wide[..., None], (side, 1), 1, "SAME")
    return tf.nn.avg_pool2d(rows, (1, side), 1, "VALID")[..., 0]


def _as_it_lies(angle, shift):
    return (tf.abs(_turn(angle)) < LYING[0]) & (tf.norm(shift, axis=1) < LYING[1])


def _apart(second, first):
    turn = tf.abs(_turn(second.angle - first.angle))
    return (turn > APART) | (tf.norm(second.shift - first.shift, axis=1) > APART)


def _turn(angle):
    """Degrees from -180 to 180."""
    return tf.math.floormod(angle + 180.0, 360.0) - 180.0

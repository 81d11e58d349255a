"""Propose: the network's few best guesses of the transform, over the full circle, each with a shift.

A network that correlates over rotations and shifts gives them as they are. One that only knows the angle, or the angle modulo 180
degrees because it sees amplitude spectra, has each candidate and its half-turned twin looked up in the Fourier correlation.
"""

import collections

import tensorflow as tf

from pipelines.spectra import spectral_plane
from udl_tf.alignment.peaks import peaks
from udl_tf.networks.output import degrees

# (batch, k), (batch, k, 2), (batch, k), best first; then angle and shift of more of them, which may lie close to each other.
Hypotheses = collections.namedtuple("Hypotheses", "angle shift value others", defaults=[()])

SEPARATION = 12.0  # degrees between peaks of a correlation over rotations and shifts
CLOSE, OTHERS = 6.0, 8  # degrees between the others, and how many there are


class PoseProposal:
    """Hypotheses of a network with layer ``correlation``, see `udl_tf.networks.group`; it has no constant C and needs no search.

    Args:
        network, config: as in `Chain`.
    """

    def __init__(self, network, config, bias=0.0, search=None):
        self.correlate, self.count = network.get_layer("correlation"), config.candidates
        self.others = OTHERS if config.support == "frame" else 0  # `frame_polish` tries them

    def __call__(self, fixed, moving, max_shift):
        """`Hypotheses` of two described batches (dicts with ``plane``), shifts within `max_shift` pixels of the box."""
        correlation, shift = self.correlate([fixed["plane"], moving["plane"]], max_shift=max_shift)
        found = peaks(correlation, self.count, 360.0, SEPARATION)
        others = ()
        if self.others:
            close = peaks(correlation, self.others, 360.0, CLOSE)
            others = close.angle, tf.gather(shift, close.index, batch_dims=1)
        return Hypotheses(found.angle, tf.gather(shift, found.index, batch_dims=1), found.value, others)


class AngleProposal:
    """Hypotheses of a network that gives angles of images.

    Args:
        network, config: as in `Chain`. bias: the network's constant C, degrees. search: `translation.ShiftSearch`.
    """

    def __init__(self, network, config, bias, search):
        self.network, self.bias, self.period, self.count = network, bias, config.period, config.candidates
        self.search = search

    def __call__(self, fixed, moving, max_shift):
        """As `PoseProposal`; the described batches also hold ``image``."""
        angles = self.angles(fixed["image"], moving["image"])  # (batch, k)
        count = angles.shape[1]
        flat = tf.reshape(angles, (-1,))
        points = self.search.points
        turned = spectral_plane.turned(tf.repeat(moving["plane"], count, axis=0), flat, points)
        tries = tf.stack([turned, turned * [[1.0], [-1.0]]], 1)  # turned by 180 degrees: the conjugate
        twins = 2 if self.period == 180.0 else 1
        tries = tf.reshape(tries[:, :twins], (-1, *turned.shape[1:]))
        still = spectral_plane.upright(fixed["plane"], points)
        target = tf.repeat(self.search.whitened(still), twins * count, axis=0)
        shift, value = self.search.best(self.search.surface(target, self.search.whitened(tries)), max_shift)
        both = tf.reshape(flat[:, None] + tf.constant([0.0, 180.0])[None, :twins], (-1, twins * count))
        value, best = tf.math.top_k(tf.reshape(value, (-1, twins * count)), twins * count)
        shift = tf.reshape(shift, (-1, twins * count, 2))
        angle, shift = (tf.gather(one, best, batch_dims=1) for one in (both, shift))
        return Hypotheses(angle, shift, value, (angle, shift))

    def angles(self, fixed, moving):
        """Candidate angles (batch, candidates), degrees, modulo the network's period."""
        output = self.network({"fixed": fixed, "moving": moving}, training=False)
        if "correlation" in output:
            return peaks(output["correlation"], self.count, self.period).angle - self.bias
        return (degrees(output, self.period) - self.bias)[:, None]


PROPOSALS = {"poses": PoseProposal, "angles": AngleProposal}  # by what a network proposes, see `udl_tf.networks.entry`

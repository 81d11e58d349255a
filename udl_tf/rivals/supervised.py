"""Supervised regression of the rotation (paper section 4): the paper's network with the true angle in its loss."""

import tensorflow as tf

from udl_tf.networks.build import build as build_network
from udl_tf.networks.output import degrees, told_by
from udl_tf.networks.siamese import siamese
from udl_tf.rivals import learning, shifts
from udl_tf.rivals.pair_model import SIAMESE, PairModel, compiled, of_scale
from udl_tf.training import losses

STEPS = {"small": 1000, "paper": 100_000}
LEARNING_RATE = {"small": 2e-3, "paper": 5e-4}


class SupervisedModel(PairModel):
    """Learns rotations from pairs whose rotation is known; data as in `PairModel`, truth a dict of ``angle`` (batch,) degrees.

    Pairs whose angle is NaN (unknown) weigh nothing.

    Args:
        network: with the output ``angle`` (batch,) degrees or ``direction`` (batch, 2), as of `udl_tf.networks.build.build`.
        period: of the angle in degrees: 180 where the network sees amplitude spectra.
    """

    def __init__(self, network, period=360.0):
        super().__init__(network)
        self.period = float(period)

    def pair_losses(self, inputs, truth, training):
        """Periodic L1 in degrees of an ``angle``, 1 - cos of a ``direction``."""
        output = self(inputs, training=training)
        key = told_by(output)
        known = tf.math.is_finite(truth["angle"])
        each = LOSSES[key](output[key], tf.where(known, truth["angle"], 0.0), self.period)
        return tf.where(known, each, 0.0)

    @tf.function(reduce_retracing=True, autograph=False)
    def angles(self, inputs):
        """The angle (batch,) degrees that turns moving onto fixed, in [-period/2, period/2]."""
        return degrees(self(inputs, training=False), self.period)


def build(box, scale="small", steps=None):
    """The model to train on photographs, ready for ``fit``.

    Args:
        box: side of the images in pixels, a multiple of 8 (``small``) or 16 (``paper``).
        scale: ``small`` or ``paper``, the size of the network. steps: over which the learning rate falls, if not `STEPS`.
    """
    network = siamese(of_scale(SIAMESE, scale), box)
    return compiled(SupervisedModel(network), scale, LEARNING_RATE[scale], steps or STEPS[scale])


def learner(problem, steps=None):
    """See `registry.Rival`; the network is that of UDL, and sees the same: of particles, spectra."""
    steps = steps or STEPS[problem.scale]
    model = SupervisedModel(build_network(problem.config), problem.config.period)
    compiled(model, problem.scale, LEARNING_RATE[problem.scale], steps)

    def answer(inputs):
        angle = learning.batched(model.angles, inputs)
        return shifts.given_angle(inputs["fixed"], inputs["moving"], angle, model.period)

    return learning.of_model(problem, model, steps, answer)


LOSSES = {"angle": losses.supervised_angle, "direction": losses.supervised_direction}

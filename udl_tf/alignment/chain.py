"""The whole alignment of a batch of pairs as one TensorFlow function: propose, choose, refine. This is what is served."""

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.normalise import normalise, usable
from pipelines.resample import fourier_resample, scale_shift
from pipelines.warp import warp
from udl_tf.alignment.peaks import peaks
from udl_tf.alignment.refinement import refine
from udl_tf.alignment.translation import FourierCorrelation, soft_disc
from udl_tf.alignment.wiener import PairFilter

ROUNDS = 3  # of refinement; the spectral weights are estimated anew before each, from a better alignment
STEPS = 4  # of Lucas-Kanade in each round
IMAGES = tf.TensorSpec((None, None, None), tf.float32)


class Chain:
    """A trained network and everything that turns its angle into an alignment.

    Args:
        network: Keras model, inputs ``fixed``, ``moving`` (batch, box, box), see `udl_tf.networks`.
        config: `udl_tf.presets.Config`. bias: the network's constant C in degrees.
    """

    def __init__(self, network, config, bias=0.0):
        self.weights = network.weights
        self.predict = lambda inputs: network(inputs, training=False)
        self.box, self.period, self.candidates = config.box, config.period, config.candidates
        self.bias = tf.constant(bias, tf.float32)
        self.reach = config.reach
        self.translation = FourierCorrelation(self.box, reach=int(np.ceil(config.reach * self.box)))
        self.filter = PairFilter(self.box)
        self.window = soft_disc(self.box)
        self.whole_overlap = config.support == "frame"
        self.support = np.ones_like(self.window) if self.whole_overlap else self.window

    def signatures(self):
        """What is served: ``serving_default`` takes ``fixed``, ``moving`` (batch, n, n); ``align_within`` also ``max_shift``."""
        align = self.align.get_concrete_function()
        named = {name: tf.TensorSpec((None, None, None), tf.float32, name=name) for name in ("fixed", "moving")}
        limit = tf.TensorSpec((), tf.float32, name="max_shift")
        default = tf.function(lambda fixed, moving: align(fixed, moving, tf.constant(-1.0)))
        within = tf.function(lambda fixed, moving, max_shift: align(fixed, moving, max_shift))
        return {
            "serving_default": default.get_concrete_function(**named),
            "align_within": within.get_concrete_function(**named, max_shift=limit),
        }

    @tf.function(input_signature=(IMAGES, IMAGES, tf.TensorSpec((), tf.float32, name="max_shift")))
    def align(self, fixed, moving, max_shift):
        """Bring each moving image onto its fixed one.

        Args:
            fixed, moving: float32 (batch, n, n), any grey values; `fixed` may hold one image for all.
            max_shift: pixels; negative for the configuration's own share of n.

        Returns:
            dict of ``angle`` (batch,) degrees in [-180, 180), ``shift`` (batch, 2) pixels, ``score`` (batch,) in [0, 1]: the
            correlation of the aligned, filtered pair. A pair with an image that is not finite or constant has NaN and score 0.
        """
        good = tf.logical_and(usable(fixed), usable(moving))
        size = tf.cast(tf.shape(moving)[1], tf.float32)
        limit = tf.where(max_shift < 0.0, self.reach * size, max_shift) * (self.box / size)
        fixed, moving = self.prepare(fixed), self.prepare(moving)
        fixed = tf.broadcast_to(fixed, tf.shape(moving))
        angle, shift, correlation = self.translation.choose(fixed, moving, self.propose(fixed, moving), limit)
        window, fft = tf.constant(self.window), tf.signal.rfft2d
        spectra, windowed = (fft(fixed), fft(moving)), fft(fixed * window)

        def improve(angle, shift, _):
            weights = self.filter.weights(windowed, fft(warp(moving, angle, shift) * window))
            filtered = [self.filter.apply(spectrum, weights) for spectrum in spectra]
            return refine(*filtered, angle, shift, self.support, self.whole_overlap, STEPS)

        start = (angle, shift, correlation)
        refined = tf.while_loop(lambda *_: True, improve, start, maximum_iterations=ROUNDS)
        # The search looks at whole pixels; what refinement carries further out than half of one was not asked for.
        inside = tf.norm(refined[1], axis=1) <= limit + 0.5
        angle, correlation = (tf.where(inside, refined[i], start[i]) for i in (0, 2))
        shift = tf.where(inside[:, None], refined[1], start[1])
        return {
            "angle": tf.where(good, angle, np.nan),
            "shift": tf.where(good[:, None], scale_shift(shift, self.box, size), np.nan),
            "score": tf.where(good, tf.clip_by_value(correlation, 0.0, 1.0), 0.0),
        }

    def prepare(self, images):
        """Images (batch, n, n) at the network's box with mean 0 and standard deviation 1."""
        return tf.ensure_shape(normalise(fourier_resample(images, self.box)), (None, self.box, self.box))

    def propose(self, fixed, moving):
        """Candidate angles (batch, candidates), degrees, modulo the network's period."""
        output = self.predict({"fixed": fixed, "moving": moving})
        if "correlation" in output:
            return peaks(output["correlation"], self.candidates, self.period) - self.bias
        angle = output["angle"] if "angle" in output else geometry.angle_of(output["direction"], self.period)
        return (angle - self.bias)[:, None]

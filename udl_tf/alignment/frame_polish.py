"""Polish for photographs: from the disc inside both frames to their whole overlap, and to every pixel where that pays."""

import collections

import tensorflow as tf

from pipelines.geometry.warp import warp
from pipelines.spectra.resample import fourier_resample, scale_shift
from udl_tf.alignment import frame_refinement
from udl_tf.alignment.wiener import PairFilter
from udl_tf.networks.window import soft_disc

ROUNDS, STEPS = 2, 2  # at half the box; the spectral weights are estimated anew before each round
SHARP = 0.5  # degrees; pairs known better than this are refined once more, on all pixels
LAST = 1  # steps on all pixels

Frame = collections.namedtuple("Frame", "angle shift variance")


class FramePolish:
    """Refines verified transforms of photographs.

    Args:
        box: image side in pixels of the transforms that are given and returned.
    """

    def __init__(self, box):
        self.box, self.half = box, box // 2
        self.filter = PairFilter(self.half)
        self.window = soft_disc(self.half)

    def __call__(self, fixed, moving, angle, shift):
        """Refine.

        Args:
            fixed, moving: (batch, box, box). angle (batch,) degrees, shift (batch, 2) pixels.

        Returns:
            `Frame`: angle, shift, and the `variance` (batch,) of the angle in square degrees.
        """
        rough = self._filtered(fixed, moving, angle, shift)
        sharp = rough.variance < SHARP**2
        rows = tf.where(sharp)[:, 0]
        fine = frame_refinement.refine(*(tf.gather(part, rows) for part in (fixed, moving, rough.angle, rough.shift)), LAST)
        at = rows[:, None]
        return Frame(
            tf.tensor_scatter_nd_update(rough.angle, at, fine.angle),
            tf.tensor_scatter_nd_update(rough.shift, at, fine.shift),
            tf.tensor_scatter_nd_update(rough.variance, at, tf.minimum(fine.variance, tf.gather(rough.variance, rows))),
        )

    def _filtered(self, fixed, moving, angle, shift):
        """At half the size, filtered by the pair's own signal-to-noise ratio."""
        fixed, moving = fourier_resample(fixed, self.half), fourier_resample(moving, self.half)
        fft, window = tf.signal.rfft2d, tf.constant(self.window)
        spectra, still = (fft(fixed), fft(moving)), fft(fixed * window)
        shift = scale_shift(shift, self.box, self.half)
        nothing = tf.zeros_like(angle)

        def improve(angle, shift, *_):
            weights, share = self.filter.weights(still, fft(warp(moving, angle, shift) * window))
            pair = [self.filter.apply(spectrum, weights) for spectrum in spectra]
            return tuple(frame_refinement.refine(*pair, angle, shift, STEPS, share))

        angle, shift, _, variance = tf.while_loop(
            lambda *_: True, improve, (angle, shift, nothing, nothing), maximum_iterations=ROUNDS
        )
        return Frame(angle, scale_shift(shift, self.half, self.box), variance)

"""Continuous refinement of (angle, shift) on a few hundred frequencies: Lucas-Kanade in Fourier space.

Baker and Matthews' inverse compositional step with the fixed image's derivatives, where the weight of each frequency is the
likelihood's (`udl_tf.alignment.wiener`), estimated anew in every step from the pair itself. Noise white or coloured is weighed
as it should be, a turn costs as many samples as there are frequencies, and moving by a shift is exact.
"""

import collections

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.spectra import spectral_plane
from udl_tf.alignment.gauss_newton import solve
from udl_tf.alignment.signs import Signs
from udl_tf.alignment.subgraph import subgraph
from udl_tf.alignment.wiener import CEILING, Rings, likelihood_weights

Refined = collections.namedtuple("Refined", "angle shift evidence potential variance signs")
DEGREE = 1.0  # half the step of the central difference that gives the change per degree


class SpectralRefinement:
    """Refines transforms between pairs of planes (`pipelines.spectra.spectral_plane`).

    Args:
        box: image side, pixels. highest: frequency of the planes, cycles per box. smoothing: of the ring correlation, rings.
        max_step: degrees and pixels that one step may go.
    """

    def __init__(self, box, highest, smoothing=2.5, max_step=1.5):
        self.box, self.max_step = box, max_step
        self.points = spectral_plane.disc(highest)
        radius, share = np.linalg.norm(self.points, axis=1), spectral_plane.multiplicity(self.points, highest)
        self.rings = Rings(radius, share, highest + 1, smoothing)
        self.signs = Signs(self.points, share, self.rings)
        derivatives, planes = (None, 4, 2, len(self.points)), (None, *spectral_plane.shape(highest))
        derivatives, *moving = map(tf.TensorSpec, (derivatives, planes, (None,), (None, 2)))
        self.transformed = subgraph(self._transformed, *moving)
        self._refine = subgraph(self._refined, derivatives, *moving, tf.TensorSpec((), tf.int32))

    def derivatives(self, planes):
        """What is kept of fixed images: change per degree, per pixel in x and in y, and the spectra: (batch, 4, 2, n)."""
        spectra = spectral_plane.upright(planes, self.points)
        degree = tf.fill((tf.shape(planes)[0],), DEGREE)
        ahead, behind = (spectral_plane.turned(planes, sign * degree, self.points) for sign in (1.0, -1.0))
        moves = spectral_plane.per_pixel(spectra, self.points, self.box)
        return tf.stack([(ahead - behind) / (2.0 * DEGREE), *moves, spectra], 1)

    def refine(self, derivatives, planes, angle, shift, steps):
        """Refine transforms that are within a few degrees and pixels.

        Args:
            derivatives: of the fixed images. planes: of the moving images. angle (batch,) degrees, shift (batch, 2) pixels.
            steps: Gauss-Newton steps.

        Returns:
            `Refined`: angle, shift; `evidence` (batch,) of the aligned pair, see `Rings.evidence`; `potential`
            (batch,), the evidence there would be if all that stands out of the last ring's power were common to both;
            `variance` (batch,) of the angle in square degrees by the Cramer-Rao bound; `signs` (batch, k), see `Signs`.
        """
        return self._refine(derivatives, planes, angle, shift, steps)

    def _refined(self, derivatives, planes, angle, shift, steps):
        numbers = 2 * len(self.points)
        table = tf.reshape(derivatives, (-1, 4, numbers))

        def compare(angle, shift):
            moving = self.transformed(planes, angle, shift)
            coherence, power, other = self.rings.coherence(derivatives[:, 3], moving)
            return tf.reshape(moving, (-1, numbers)), coherence, power, other

        def information(coherence, power):
            """Fisher's, of (angle, shift), (batch, 3, 3): of the derivatives' power the coherence is the signal's share."""
            weight = self.weights(coherence * likelihood_weights(coherence, power))
            return tf.matmul(table[:, :3] * weight[:, None], table[:, :3], transpose_b=True)

        def improve(angle, shift):
            moving, coherence, power, other = compare(angle, shift)
            weighted = table * self.weights(likelihood_weights(coherence, power))[:, None]
            scale = tf.sqrt(tf.reduce_mean(power, 1) / tf.reduce_mean(other, 1))  # of grey values
            right = tf.linalg.matvec(weighted[:, :3], table[:, 3] - moving * scale[:, None])
            step = solve(information(coherence, power), right)
            step = tf.clip_by_value(step, -self.max_step, self.max_step)
            return geometry.compose((angle, shift), (step[:, 0], step[:, 1:]))

        angle, shift = tf.while_loop(lambda *_: True, improve, (angle, shift), maximum_iterations=steps)
        moving, coherence, power, other = compare(angle, shift)
        variance = solve(information(coherence, power), tf.one_hot(tf.zeros_like(angle, tf.int32), 3))[:, 0]
        # What each image would correlate with its own signal, were the last ring all noise; together as the coherence of both.
        signals = [tf.maximum(1.0 - part[:, -1:] / part, 0.0) for part in (power, other)]
        stands_out = tf.minimum(tf.sqrt(signals[0] * signals[1]), CEILING)
        both = derivatives[:, 3], tf.reshape(moving, tf.shape(derivatives[:, 3]))
        signs = self.signs(*both, coherence, stands_out, power, other)
        return Refined(angle, shift, self.rings.evidence(coherence), self.rings.evidence(stands_out), variance, signs)

    def _transformed(self, planes, angle, shift):
        """Spectra (batch, 2, n) of planes turned and moved."""
        return spectral_plane.moved(spectral_plane.turned(planes, angle, self.points), shift, self.points, self.box)

    def weights(self, rings):
        """Values (batch, rings) for the real and the imaginary part at every frequency: (batch, 2 n)."""
        return tf.tile(self.rings.spread(rings), (1, 2))

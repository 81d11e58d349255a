"""The search of `udl_tf.views.view_model.classify` as TensorFlow operations, for a graph that is served."""

import numpy as np
import tensorflow as tf

from udl_tf.views.matching import Matcher
from udl_tf.views.polar_grid import disc_of_shifts
from udl_tf.views.view_model import COARSE, FINE_PASSES, GLOBAL_STEP

WIDER = 1.4  # times the reach of what was learned from: a shift along both axes is as much further out
NEAR = 10.0  # degrees: what is no further from the best turn is of the same peak


class ViewSearch:
    """Looks for the views of a `ViewModel` in images, at all turns and shifts.

    Attributes:
        variables: list of `tf.Variable`, what a SavedModel must hold.

    Args:
        model: `udl_tf.views.view_model.ViewModel`. Only its fine views are used, at first on the rings of its coarse ones.
    """

    def __init__(self, model):
        grid = self.grid = model.grids()[1]
        self.count = len(model.fine)
        self._matrix = tf.Variable(grid.matrix, trainable=False, name="polar_matrix")
        self._frequency = tf.constant(grid.frequency)  # (2, rings, angles)
        everywhere = disc_of_shifts(WIDER * model.reach, GLOBAL_STEP), COARSE[0]
        nearby = [(disc_of_shifts(*one), grid.rings) for one in FINE_PASSES]
        self._passes = [_Pass(Matcher(grid, model.fine, shifts, band)) for shifts, band in (everywhere, *nearby)]
        self.variables = [self._matrix, *(one.product for one in self._passes)]

    def __call__(self, images, ctf):
        """Poses and evidence of images (n, box, box) of mean 0 and standard deviation 1; ctf: (n, rings).

        Returns:
            psi (n,) degrees and offset (n, 2) pixels, of RELION; view int32 (n,); evidence (n,) nats; probability (n, k); right
            (n,), probability that psi, given the view, is near: on the right one of several peaks.
        """
        grid = self.grid
        parts = tf.matmul(tf.reshape(images, (-1, grid.box**2)), self._matrix)  # (n, 2 * rings * half)
        real, imaginary = tf.unstack(tf.reshape(parts, (-1, 2, grid.rings, grid.half)), axis=1)
        half = tf.complex(real * ctf[:, :, None], imaginary * ctf[:, :, None])
        circle = tf.concat([half, tf.math.conj(half)], -1)  # (n, rings, angles)
        offset, right = tf.zeros((tf.shape(images)[0], 2)), 1.0
        for one in self._passes:
            turns = tf.tensordot(offset, self._frequency, 1) * np.float32(-2.0 * np.pi)
            psi, shift, near, *found = one(circle * tf.complex(tf.cos(turns), tf.sin(turns)), ctf)
            right = tf.minimum(right, near)
            radian = psi * np.float32(np.pi / 180.0)  # into the frame of the image, as `polar_grid.into_image`
            c, s = tf.cos(radian), tf.sin(radian)
            offset += tf.stack([c * shift[:, 0] + s * shift[:, 1], c * shift[:, 1] - s * shift[:, 0]], 1)
        return psi, offset, *found, right


class _Pass:
    """One look, at some shifts. matcher: `udl_tf.views.matching.Matcher`."""

    def __init__(self, matcher):
        self._matcher = matcher
        self.product = tf.Variable(matcher.product, trainable=False, name="product")  # (2, m, 2 * rings, columns)
        self._back, self._quadratic = tf.constant(matcher.back), tf.constant(matcher.quadratic)
        self._shifts = tf.constant(matcher.shifts)

    def __call__(self, circle, ctf):
        """Of circles: psi, shift in the frame of the view, probability that psi is near, view, evidence, probability (n, k)."""
        m = self._matcher
        n, views, shifts = tf.shape(circle)[0], len(m.views), len(m.shifts)
        spectrum = tf.signal.fft(circle[:, : m.rings])[..., : m.most + 1]  # (n, rings, m)
        spectrum = tf.transpose(spectrum, (2, 0, 1))
        x = tf.concat([tf.math.real(spectrum), tf.math.imag(spectrum)], -1)  # (m, n, 2 * rings)
        parts = tf.stack([tf.matmul(x, self.product[0]), tf.matmul(x, self.product[1])])  # (2, m, n, columns)
        table = tf.matmul(self._back, tf.reshape(parts, (2 * (m.most + 1), -1)))
        power = tf.matmul(tf.square(ctf[:, : m.rings]), self._quadratic)  # (n, k)
        table = tf.reshape(table, (m.turns, n, views, shifts)) - power[None, :, :, None]
        by_turn = tf.reduce_logsumexp(table, 3)  # (turns, n, k)
        by_view = tf.reduce_logsumexp(by_turn, 0)  # (n, k)
        poses = float(np.log(m.turns * shifts))
        nothing = tf.fill((n, 1), poses)
        everything = tf.concat([by_view, nothing], 1)
        probability = tf.nn.softmax(everything)[:, :-1]
        evidence = tf.reduce_logsumexp(everything, 1) - poses - float(np.log(views + 1))
        table = tf.reshape(table, (m.turns, -1))
        column = tf.argmax(tf.reshape(tf.reduce_max(table, 0), (n, -1)), 1, tf.int32)
        line = tf.gather(table, tf.range(n) * m.columns + column, axis=1)  # (turns, n)
        view = column // shifts
        near = self._near(tf.gather(tf.transpose(by_turn, (1, 2, 0)), view, batch_dims=1), tf.argmax(line, 0, tf.int32))
        return self._psi(line), tf.gather(self._shifts, column % shifts), near, view, evidence, probability

    def _near(self, by_turn, top):
        """Share (n,) of the probability of all turns, by their logarithms (n, turns), that lies within `NEAR` of the top (n,)."""
        turns = self._matcher.turns
        apart = tf.abs(tf.range(turns)[None] - top[:, None])
        apart = tf.cast(tf.minimum(apart, turns - apart), tf.float32) * np.float32(360.0 / turns)
        return tf.reduce_sum(tf.where(apart <= NEAR, tf.nn.softmax(by_turn), 0.0), 1)

    def _psi(self, line):
        """`Matcher.psi`."""
        turns, places = self._matcher.turns, tf.range(tf.shape(line)[1])
        top = tf.argmax(line, 0, tf.int32)
        left, middle, right = (tf.gather_nd(line, tf.stack([(top + d) % turns, places], 1)) for d in (-1, 0, 1))
        step = tf.clip_by_value(0.5 * (left - right) / tf.minimum(left - 2.0 * middle + right, -1e-6), -0.5, 0.5)
        return -(tf.cast(top, tf.float32) + step) * np.float32(360.0 / turns)

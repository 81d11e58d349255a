"""Know: from what was seen while aligning to a standard error and a probability, with a few calibrated numbers."""

import dataclasses

import numpy as np
import tensorflow as tf

UNKNOWN = 180.0 / 3.0**0.5  # degrees: the standard deviation of an angle that may be anything
WITHIN = 5.0  # degrees: the score is the probability that the angle is within them


@dataclasses.dataclass(frozen=True)
class Confidence:
    """How an aligner's raw numbers become its error bar; measured by `udl_tf.training.confidence` on pairs of known truth.

    Attributes:
        sigma: (a, b): log of the standard error in degrees = a + b * log of the raw one.
        score: weights of the first of the `features`: logit of being on the right peak.
        hidden: ((weights of the first features), (by how much the logit rises with the tanh of that sum)), or empty.
        fast_sigma: standard error, degrees, where nothing was refined.
        fast_score: weights of the first of the `fast_features`: logit, where nothing was refined.
    """

    sigma: tuple = (0.0, 1.0)
    score: tuple = (-4.0, 1.0, 0.0, 1.0)
    hidden: tuple = ()
    fast_sigma: float = 2.0
    fast_score: tuple = (-2.0, 4.0, 20.0)

    def standard_error(self, variance):
        """Degrees (batch,), at most `UNKNOWN`, from a raw variance (batch,) in square degrees."""
        return tf.minimum(tf.exp(self.sigma[0] + self.sigma[1] * 0.5 * tf.math.log(variance + 1e-8)), UNKNOWN)

    def probability(self, raw):
        """That the angle is within `WITHIN` degrees, (batch,): on the right peak, and near its top; raw: see `Chain.careful`."""
        right = tf.sigmoid(self.logit(features(raw)))
        return right * tf.math.erf(WITHIN / np.sqrt(2.0) / self.standard_error(raw["variance"]))

    def logit(self, columns):
        """Of being on the right peak, (batch,), from `features` (batch, k)."""
        found = tf.linalg.matvec(columns[:, : len(self.score)], tf.constant(self.score, columns.dtype))
        if self.hidden:
            inside, outside = (tf.constant(part, columns.dtype) for part in self.hidden)  # (units, k), (units,)
            first = columns[:, : inside.shape[1]]  # a calibration kept from before there were more of them
            found += tf.linalg.matvec(tf.tanh(tf.matmul(first, inside, transpose_b=True)), outside)
        return found

    def fast_probability(self, value, lead):
        """As `probability`, from the proposal alone: its best correlation and that one's lead over the last candidate."""
        columns = fast_features(value, lead)[:, : len(self.fast_score)]
        return tf.sigmoid(tf.linalg.matvec(columns, tf.constant(self.fast_score, tf.float32)))


def fast_features(value, lead):
    """1, the best correlation, its lead over the last candidate, and their products: (batch, 6)."""
    return tf.stack([tf.ones_like(value), value, lead, value * value, value * lead, lead * lead], 1)


def features(raw):
    """What the score is a function of, (batch, 5 + signs), all about as large as 1.

    1, the logarithms of 1 + evidence, (1 + evidence) / (1 + potential), and 1 + lead; that of the raw standard error; the
    signs (`udl_tf.alignment.shared.SIGNS`, of photographs also `frame_polish.SIGNS`).
    """
    found, possible, leads = (tf.math.log1p(tf.maximum(raw[name], 0.0)) for name in ("evidence", "potential", "lead"))
    error = tf.clip_by_value(0.5 * tf.math.log(raw["variance"] + 1e-8), -5.0, 5.0)
    return tf.concat([tf.stack([tf.ones_like(found), found, found - possible, leads, error], 1), raw["signs"]], 1)

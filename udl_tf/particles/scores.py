"""How far a particle's pose is to be trusted: from how well it fits the average, compared with what noise alone would do."""

import numpy as np
import tensorflow as tf

from udl_tf.alignment.confidence import WITHIN

SPREAD = 0.25  # standard deviation of the particles' contrast about its median
APART = 5.0  # degrees, and pixels: poses further apart than this are fitted by noise independently
LEAST = 0.2  # particles less likely than this to hold the average are no part of it,
FAINT = 0.5  # nor are those whose contrast is surely below this share of the median


def score(amplitude, detection, variance, max_shift):
    """Probability (n,) that the angle is within 5 degrees: that the average is there, turned as found, and by the error bar.

    Args:
        amplitude, detection: (n,), ``uneven`` and ``uneven_detection`` of `refinement.Fit`. variance: (n,) square degrees.
        max_shift: pixels, of the search.
    """
    return there(amplitude, detection, max_shift) * tf.math.erf(WITHIN / np.sqrt(2.0 * np.maximum(variance, 1e-12))).numpy()


def weight(amplitude, detection, usable, max_shift):
    """Weight (n,) in the average, 0 or 1: 0 for particles that do not hold it or are too faint.

    An angle that nothing tells, as of round particles, is no reason. If no particle would be left, all that are usable are.

    Args:
        amplitude, detection: (n,), see `refinement.Fit`. usable: bool (n,). max_shift: pixels, of the search.
    """
    contrast, error = _contrast(amplitude, detection)
    return kept((there(amplitude, detection, max_shift) >= LEAST) & (contrast + 2.0 * error >= FAINT), usable)


def bright(amplitude, detection):
    """Probability (n,) that a particle's contrast is not below FAINT of the usual one, with a standard error's benefit of doubt.

    Noise that was turned until it fits has a contrast, too, and one that is surely lower than the particles'.
    """
    contrast, error = _contrast(amplitude, detection)
    return 0.5 + 0.5 * tf.math.erf(((contrast - FAINT) / error + 1.0) / np.sqrt(2.0)).numpy()


def kept(good, usable):
    """Weight (n,), 1 for particles that are good and usable, bool (n,) each; for all usable ones if none is good."""
    both = good & usable
    return (both if both.any() else usable).astype(np.float32)


def there(amplitude, detection, max_shift):
    """Probability (n,) that a particle holds the average at its pose, by Bayes' rule for two cases.

    It does: its amplitude is about the median of all. Or it is noise, of which the best of M poses was found, M being how many
    the search tells apart.
    """
    poses = max(360.0 / APART * (2.0 * max_shift / APART) ** 2, 1.0)
    contrast, error = _contrast(amplitude, detection)
    usual = -0.5 * (np.square(contrast - 1.0) / (SPREAD**2 + error**2) + np.log1p(np.square(SPREAD / error)))
    ratio = np.where(detection > 0, usual + 0.5 * np.square(detection) - np.log(poses), -np.inf)
    return 1.0 / (1.0 + np.exp(-np.clip(ratio, -50.0, 50.0)))


def _contrast(amplitude, detection):
    """Amplitudes as shares of the median of all particles, and their standard errors."""
    there = amplitude[detection > 0]
    usual = max(float(np.median(there)), 1e-6) if there.size else 1.0
    return amplitude / usual, np.abs(amplitude) / np.maximum(np.abs(detection), 1e-6) / usual + 1e-6

"""Errors of angles, and what they come to."""

import numpy as np

from pipelines import geometry


def rotation_error(angle, truth, period):
    """Absolute errors (n,) of angles in degrees, modulo `period`."""
    return geometry.angular_distance(np.asarray(angle, np.float64), np.asarray(truth, np.float64), period)


def summary(error):
    """Mean, median and 95th percentile of errors (n,), as plain numbers."""
    error = np.asarray(error, np.float64)
    return {
        "mean": float(error.mean()),
        "median": float(np.median(error)),
        "p95": float(np.percentile(error, 95)),
    }

"""How good the angles and the average of a stack are, up to the one rotation of the frame that nothing tells."""

import numpy as np

from pipelines import geometry


def angle_between(angle, truth, period=360.0):
    """The one rotation, degrees, that brings angles nearest to the truth."""
    turns = np.exp(2j * np.pi * (np.asarray(truth) - angle) / period)
    return np.angle(turns.mean()) * period / (2.0 * np.pi)


def error(angle, truth, period):
    """Mean error in degrees after removing one rotation common to all."""
    return float(geometry.angular_distance(angle + angle_between(angle, truth, period), truth, period).mean())


def within(result, truth, period, part=slice(None)):
    """Percentage of angles within 1.96 standard errors."""
    angle, truth, sigma = result.angle[part], truth[part], result.sigma[part]
    apart = geometry.angular_distance(angle + angle_between(angle, truth, period), truth, period)
    return 100.0 * float((apart < 1.96 * sigma).mean())


def likeness(average, clean, turn):
    """Correlation within the mask of an average, turned by `turn` and moved to fit, with the clean image."""
    import udl_tf
    from pipelines.geometry.warp import warp

    turned = warp(average[None].astype(np.float32), np.float32([turn]), np.zeros((1, 2), np.float32)).numpy()
    moved = udl_tf.load("cryo").align(clean, turned).apply(turned)[0]
    inside = np.linalg.norm(geometry.centred_grid(*clean.shape), axis=-1) < 0.45 * clean.shape[0]
    return float(np.corrcoef(moved[inside], clean[inside])[0, 1])

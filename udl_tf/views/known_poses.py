"""Averages of particles whose classes and poses are known."""

import numpy as np

from udl_tf.views.model import Sums

BATCH = 256


def sums_at(particles, rows, label, psi, offset, count):
    """`Sums` of particles (n) at known poses, each in one of `count` classes; label -1: in none."""
    grid = particles.grid
    numerator = np.zeros((grid.half + 1, count, grid.rings), np.complex64)
    weight = np.zeros((count, grid.rings))
    m = np.arange(grid.half + 1)[:, None]
    good = np.flatnonzero(label >= 0)
    good = good[np.argsort(label[good], kind="stable")]
    for start in range(0, len(good), BATCH):
        at = good[start : start + BATCH]
        turned = particles.harmonics(rows[at], offset[at], grid.half, grid.rings)
        turned *= np.exp(-1j * m * np.radians(psi[at]))[:, :, None].astype(np.complex64)
        first = np.flatnonzero(np.r_[True, np.diff(label[at]) > 0])
        numerator[:, label[at][first]] += np.add.reduceat(turned, first, axis=1)
        np.add.at(weight, label[at], np.square(particles.ctf[rows[at]]))
    mass = np.bincount(label[good], minlength=count).astype(float)
    return Sums(grid.circle(numerator), weight, mass)

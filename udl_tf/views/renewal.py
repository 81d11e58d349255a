"""Views that explain their members badly begin anew, from single members, all of these views together.

A compact view is easily lost among junk: at low resolution both are a bright spot, and EM goes on bringing the brightest places
together. The members of all such views are few, so a run on them alone, up to the highest ring, costs little and finds more.
"""

import logging

import numpy as np

from udl_tf.views import starts
from udl_tf.views.centring import GAIN
from udl_tf.views.expectation_maximisation import improved, step

LOG = logging.getLogger(__name__)
POOR = 0.5  # a view whose members gain less than this share of the middle view's explains them badly
TRIALS = 3
MORE = 4  # single particles for each view
FIRST, LAST = 8, 3  # the ring of the first step; steps at all rings


def badly(fit, count):
    """Which of `count` views explain their members badly: bool (k,); and the mean evidence of the members, (k,) nats."""
    mean = np.bincount(fit.label, fit.evidence, count) / np.maximum(np.bincount(fit.label, minlength=count), 1)
    return mean < POOR * np.median(mean), mean


def renewed(particles, rows, views, fit, rough, wide, rng, say=LOG.info):
    """`Views`, those that explain their members badly learned anew, if the members gain by it.

    Args:
        particles: `PolarParticles`. rows: (n,). fit: `Fit` of rows. rough, wide: `Search` of all shifts, the second one finer.
        say: is told how far it is.
    """
    poor, mean = badly(fit, len(views))
    if np.median(mean) < GAIN:  # all may be of noise, and of noise the luckiest would be chosen
        return views
    poor = np.flatnonzero(poor)
    members = rows[np.isin(fit.label, poor)]
    if not len(members):
        return views
    bands = range(FIRST, wide.band + 1)
    best, before = _improved(particles, members, views.take(poor), wide)
    most = before
    for _ in range(TRIALS):
        new = starts.seeds(particles, members, MORE * len(poor), views.noise, rng)
        pool = improved(particles, members, new, rough, bands)[0].join(views.take(poor))
        judged, _ = step(particles, members, pool, rough.with_band(wide.band), sums=False)
        new, gain = _improved(particles, members, pool.take(starts.greedy(judged.by_view, len(poor))), wide)
        best, most = (new, gain) if gain > most else (best, most)
    say(f"{len(poor)} views begun anew: {before / len(members):.2f} nats a member, then {most / len(members):.2f}")
    return views.take(np.setdiff1d(np.arange(len(views)), poor)).join(best)


def _improved(particles, rows, views, search):
    """`Views` after some steps, and what rows gain by them in all, nats."""
    views, fit, _ = improved(particles, rows, views, search, (search.band,) * LAST, empty=True)
    return views, float(fit.evidence.sum())

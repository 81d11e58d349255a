"""One view instead of two, two instead of one: what particles lose or gain by it, measured with one yardstick.

Two averages of one view always explain the particles they were learned from a little better than one: each is fitted to noise of
its own. So a loss means little by itself; but where a view is split in vain, the loss by merging its parts is smaller than the
gain by splitting a view that holds two. Both are measured after the averages concerned were learned again from their members.
"""

import dataclasses

import numpy as np

from udl_tf.views import starts
from udl_tf.views.expectation_maximisation import lent, step
from udl_tf.views.model import Views

NEIGHBOURS = 2  # other views that each may be merged with
SEEDS = 4  # single particles that a view is split by
SPLIT_ROUNDS = 6


@dataclasses.dataclass(frozen=True, eq=False)
class Change:
    """Views `old` (indices) replaced by `new` (`Views`); `nats`: evidence that is lost by merging, or gained by splitting."""

    old: tuple
    new: Views
    nats: float


def merges(particles, rows, views, by_view, search):
    """Every plausible merging of two views, as `Change`s, least loss first.

    Args:
        particles: `PolarParticles`. rows: (n,). by_view: (n, k) evidence of rows for each view.
    """
    label = by_view.argmax(1)
    found = []
    for i, j in _neighbours(by_view, label):
        members = np.flatnonzero((label == i) | (label == j))
        larger = i if views.mass[i] >= views.mass[j] else j
        view, evidence = _learned(particles, rows[members], views.take([larger]), search, 2)
        found.append(Change((i, j), view, _explained(by_view[members][:, [i, j]]) - evidence))
    return sorted(found, key=lambda change: change.nats)


def splits(particles, rows, views, by_view, search, rng):
    """Every view with enough members split into two, as `Change`s, largest gain first."""
    label = by_view.argmax(1)
    found = []
    for k in range(len(views)):
        members = np.flatnonzero(label == k)
        if len(members) < 4 * SEEDS:
            continue
        at = rows[members]
        parts = views.take([k]).join(starts.seeds(particles, at, SEEDS, views.noise, rng, search.offset))
        fit, parts, _ = _rounds(particles, at, parts, search, SPLIT_ROUNDS)
        parts = parts.take(starts.greedy(fit.by_view, 2))
        two, evidence = _learned(particles, at, parts, search, 2)
        found.append(Change((k,), two, evidence - _explained(by_view[members][:, [k]])))
    return sorted(found, key=lambda change: -change.nats)


def applied(views, changes):
    """`Views` after some `Change`s of different views."""
    gone = [k for change in changes for k in change.old]
    kept = views.take(np.setdiff1d(np.arange(len(views)), gone))
    for change in changes:
        kept = kept.join(change.new)
    return kept


def apart(changes, most):
    """The first `most` changes that do not touch the same views."""
    chosen, touched = [], set()
    for change in changes:
        if len(chosen) < most and not touched & set(change.old):
            chosen.append(change)
            touched |= set(change.old)
    return chosen


def _neighbours(by_view, label):
    """Pairs of views: each with those that explain its members next best."""
    pairs = set()
    for k in range(by_view.shape[1]):
        members = by_view[label == k]
        if len(members):
            order = [int(j) for j in np.argsort(-members.mean(0)) if j != k]
            pairs |= {(min(k, j), max(k, j)) for j in order[:NEIGHBOURS]}
    return sorted(pairs)


def _rounds(particles, rows, views, search, count):
    """The last `Fit` and the `Views` after rounds of EM on rows, and what rows lent to them."""
    own = None
    for _ in range(count):
        fit, sums = step(particles, rows, views, search, own=own)
        views = sums.views(views.noise)
        own = lent(particles, rows, fit, sums, views, search.band)
    return fit, views, own


def _learned(particles, rows, views, search, rounds):
    """`Views` after rounds of EM on rows, and how well they explain the rows."""
    _, views, own = _rounds(particles, rows, views, search, rounds)
    fit, _ = step(particles, rows, views, search, sums=False, own=own)
    return views, _explained(fit.by_view)


def _explained(by_view):
    """Evidence of particles (n, 1 or 2 views) against noise alone, nats in all; one view counts as much as two."""
    each = 2.0 / by_view.shape[1]
    return float(np.logaddexp(0.0, np.log(each) + np.logaddexp.reduce(by_view, 1)).sum())

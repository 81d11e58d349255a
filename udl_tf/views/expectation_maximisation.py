"""One step of expectation maximisation (EM): poses and classes of particles, and the averages that follow from them."""

import dataclasses

import numpy as np

from udl_tf.views.matching import Matcher
from udl_tf.views.model import Sums, noise_left

LIMIT = 8.0  # nats: columns (view, shift) this far below the best one of a particle do not count
COLUMNS = 12  # of a particle that count at most


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """How particles (n) fit the views.

    Attributes:
        label: (n,) best view. psi: (n,) degrees. shift: (n, 2) pixels in the frame of the view.
        evidence: (n,) nats: log-likelihood over all poses and views less that of noise alone.
        by_view: (n, k) nats: the same for each view alone. share: (n, k) probability of each view; what is missing to 1 is
            that of noise alone.
    """

    label: np.ndarray
    psi: np.ndarray
    shift: np.ndarray
    evidence: np.ndarray
    by_view: np.ndarray
    share: np.ndarray


def step(particles, rows, views, search, sums=True, own=None, empty=False):
    """One E step over particles, and the sums of the M step.

    Args:
        particles: `PolarParticles`. rows: (n,). views: `Views`. search: `search.Search`.
        own: (n, k) nats that particles lent to the views
            themselves (see `lent`), taken back, or None.
        empty: noise alone is a class of its own, as likely as each view.

    Returns:
        `Fit`, `Sums` (None where not asked for).
    """
    matcher = Matcher(particles.grid, views, search.shifts, search.band)
    fits, collected = [], _Collector(matcher, particles.grid) if sums else None
    for start in range(0, len(rows), matcher.batch):
        at = rows[start : start + matcher.batch]
        rings = particles.grid.rings if sums else matcher.rings
        harmonics = particles.harmonics(at, search.at(at), matcher.most, rings)
        ctf = particles.ctf[at]
        table = matcher.scores(harmonics, ctf)
        if own is not None:
            table -= np.repeat(own[start : start + matcher.batch], len(search.shifts), 1)
        fits.append(_fit(matcher, table, empty, collected, harmonics, ctf))
    fit = Fit(*(np.concatenate(parts) for parts in zip(*fits, strict=True)))
    return fit, collected.sums() if sums else None


def lent(particles, rows, fit, sums, views, band):
    """Nats (n, k) by which each view looks like a particle only because the particle is part of it.

    Args:
        fit, sums: of the step that `views` followed from.
    """
    weight = particles.grid.freedom / views.noise * sums.wiener(views.noise) / np.maximum(sums.weight, 1e-6)  # (k, rings)
    own = np.square(particles.ctf[rows]) * particles.power[rows]
    return (fit.share * (own[:, :band] @ weight[:, :band].T)).astype(np.float32)


def improved(particles, rows, views, search, bands, empty=False):
    """`Views` after an EM step for each of `bands`, the last `Fit`, and the `Search` around its poses."""
    own = None
    for band in bands:
        fit, sums = step(particles, rows, views, search.with_band(band), own=own, empty=empty)
        views = sums.views(noise_left(particles, rows, views, fit.label))
        own = lent(particles, rows, fit, sums, views, band)
        search = search.followed(rows, fit)
    return views, fit, search


def _fit(matcher, table, empty, collected, harmonics, ctf):
    """The fields of a `Fit` of a batch, from its scores (turns, n, columns); adds to the sums."""
    n, k, s = table.shape[1], len(matcher.views), len(matcher.shifts)
    rows = np.arange(n)
    top = table.max(0)  # (n, columns)
    column = top.argmax(1)
    best = top[rows, column]
    label = column // s
    psi = matcher.psi(table[:, rows, column])
    least = best - LIMIT
    if top.shape[1] > COLUMNS:
        least = np.maximum(least, np.partition(top, -COLUMNS, 1)[:, -COLUMNS])
    who, kept = np.nonzero(top >= least[:, None])
    gamma = np.exp(table[:, who, kept] - best[who])  # (turns, pairs)
    mass = gamma.sum(0)  # (pairs,)
    of_view = np.zeros((n, k))
    np.add.at(of_view, (who, kept // s), mass)
    poses = matcher.turns * s
    nothing = poses * np.exp(np.minimum(-best, 80.0)) if empty else 0.0
    total = of_view.sum(1) + nothing
    share = (of_view / total[:, None]).astype(np.float32)
    if collected is not None:
        collected.add(who, kept, gamma / total[who].astype(np.float32), share, harmonics, ctf)
    evidence = best + np.log(total / (poses * (k + empty)))
    # Views without a kept column: their best pose stands for all.
    by_view = np.maximum(best[:, None] + np.log(np.maximum(of_view, 1e-30)), top.reshape(n, k, s).max(2)) - np.log(poses)
    return label, psi, matcher.shifts[column % s], evidence, by_view, share


class _Collector:
    """Adds particles up in the columns (view, shift) they belong to; turned and moved back only at the end."""

    def __init__(self, matcher, grid):
        self._matcher, self._grid = matcher, grid
        self._numerator = np.zeros((matcher.most + 1, matcher.columns, grid.rings), np.complex64)
        self._weight = np.zeros((len(matcher.views), grid.rings))
        self._mass = np.zeros(len(matcher.views))

    def add(self, who, column, gamma, of_view, harmonics, ctf):
        """Particles `who` (pairs,) in columns (pairs,) with probabilities gamma (turns, pairs) of their turns."""
        order = np.argsort(column, kind="stable")
        who, column = who[order], column[order]
        first = np.flatnonzero(np.r_[True, np.diff(column) > 0])
        values = harmonics[:, who] * self._matcher.forward(gamma[:, order])[:, :, None]
        self._numerator[:, column[first]] += np.add.reduceat(values, first, axis=1)
        self._weight += of_view.T @ np.square(ctf)
        self._mass += of_view.sum(0)

    def sums(self):
        """`model.Sums`."""
        matcher, grid = self._matcher, self._grid
        moved = grid.circle(self._numerator).reshape(len(matcher.views), len(matcher.shifts), grid.rings, grid.angles)
        return Sums((moved * grid.phase(matcher.shifts)).sum(1), self._weight, self._mass)

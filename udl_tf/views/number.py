"""How many views: as few as explain particles that were not learned from about as well as more would.

A view split in vain explains the particles it was learned from a little better, even when each one's own part is taken back; it
explains others a little worse. So some particles are kept apart. Views are merged step by step, those first that lose least, and
those kept apart judge each number. Of several turns, each with other judges, the fewest views are taken that are within a
standard error of the best number (Breiman et al. 1984, Classification and regression trees, on choosing the size of a tree).
"""

import logging

import numpy as np

from udl_tf.views import merging
from udl_tf.views.expectation_maximisation import improved, step
from udl_tf.views.search import around

LOG = logging.getLogger(__name__)
REACH, STEP = 1.875, 0.625  # pixels: so fine that a further view does not gain by being a little moved
TOLERANCE = 1.0  # standard errors that fewer views may be worse than the best number of them
LEAST = 0.2  # nats that each particle of a further view gains, if it is needed
LOST = 4.0  # standard errors below the best number at which no fewer views are tried


def gains_by_number(particles, rows, judges, views, fit, search, wide, say=LOG.info):
    """What judges gain by views that are merged step by step, as long as they are not clearly worse: {number: gain (n,)}.

    Args:
        particles: `PolarParticles`. rows: learned from. judges: (n,), not learned from. views, fit, search: of rows.
            wide: `Search` that finds judges. say: is told how far it is.
    """
    found = {}
    while True:
        alive = np.unique(fit.by_view.argmax(1))
        views, by_view = views.take(alive), fit.by_view[:, alive]
        found[len(views)] = explained(particles, judges, views, len(rows), wide.with_band(search.band))
        say(f"views: {len(views)}; a particle kept apart gains {found[len(views)].mean():.2f} nats")
        if len(views) == 1 or not _near(found, LOST)[len(views)]:
            return found
        changes = merging.merges(particles, rows, views, by_view, search)
        free = merging.apart([change for change in changes if change.nats <= 0], max(1, len(views) // 4))
        views = merging.applied(views, free or changes[:1])
        views, fit, search = improved(particles, rows, views, search, (search.band,) * 2)


def fewest(turns):
    """The least number of views that is near the best one, by several `gains_by_number`; between numbers gains are linear."""
    least = max(min(found) for found in turns)
    most = max(max(found) for found in turns)
    pooled = {number: np.concatenate([_between(found, number) for found in turns]) for number in range(least, most + 1)}
    return min(number for number, near in _near(pooled, TOLERANCE, LEAST).items() if near)


def explained(particles, rows, views, learned, wide):
    """Log-likelihood of particles above that of noise alone, which is as strong as the median particle: (n,) nats.

    Each view is as likely as its share of the `learned` particles that it was learned from.
    """
    fit, _ = step(particles, rows, views, wide, sums=False)
    fit, _ = step(particles, rows, views, around(particles, rows, fit, wide, REACH, STEP, wide.band), sums=False)
    members = np.append(views.mass, max(learned - views.mass.sum(), 0.0)) + 1.0  # the last: noise alone
    by_view = np.concatenate([fit.by_view, np.zeros((len(rows), 1))], 1)
    gain = np.logaddexp.reduce(by_view + np.log(members / members.sum()), 1)
    reference = np.median(particles.power, 0)
    return gain + _of_noise(particles, rows, views.noise, wide.band) - _of_noise(particles, rows, reference, wide.band)


def _of_noise(particles, rows, noise, band):
    """Log-likelihood (n,) of particles that are noise (rings,) alone, but for a constant."""
    each = particles.power[rows, :band] / noise[:band] + np.log(noise[:band])
    return -0.5 * each @ particles.grid.freedom[:band]


def _between(found, number):
    """Gain (n,) of a number of views, from those of {number: gain}; of more views than there are: of the most."""
    numbers = sorted(found)
    above = next((one for one in numbers if one >= number), numbers[-1])
    below = next((one for one in reversed(numbers) if one <= number), numbers[0])
    part = (number - below) / (above - below) if above > below else 0.0
    return (1 - part) * found[below] + part * found[above]


def _near(found, most, least=0.0):
    """Which numbers of {number: gain (n,)} are not clearly worse than the best: {number: bool}.

    They lose at most so many standard errors, or `least` nats on each particle of the views that the best has more.
    """
    top, best = max(found.items(), key=lambda item: item[1].mean())
    near = {}
    for number, gain in found.items():
        lost = best - gain
        near[number] = bool(lost.mean() <= max(most * lost.std() / np.sqrt(len(lost)), least * (top - number) / top))
    return near

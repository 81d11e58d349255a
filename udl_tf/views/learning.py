"""Views learned from particles: the order of the steps.

Several short runs from single particles, with more views than wanted, on a few hundred particles each; a choice among all their
averages; once more on what is poorly explained; EM; views merged until as many are left as wanted; then views are merged and
others split as long as that gains; at last EM on all. A number that is not given is looked for first, see `number`.
"""

import dataclasses
import logging

import numpy as np

from udl_tf.views import merging, number, starts
from udl_tf.views.centring import centred
from udl_tf.views.expectation_maximisation import improved, step
from udl_tf.views.polar_grid import disc_of_shifts
from udl_tf.views.renewal import badly, renewed
from udl_tf.views.search import Search, around

LOG = logging.getLogger(__name__)
SHORT = 8  # EM steps of a short run
LOCAL_REACH, LOCAL_STEP = 2.5, 1.25  # pixels, around poses that are known
SPARE = 1  # classes more than asked for, until it is seen whether they are of junk
JUDGES, TURNS = 5, 3  # the number of views is judged by one particle in so many, so many times
AUTO = 20  # views where their number is not given: so many times `more` are begun with
LEAST_MASS = 4.0  # particles of a view that a short run may keep


@dataclasses.dataclass(frozen=True)
class Settings:
    """How views are learned.

    Attributes:
        views: wanted, None: as many as the particles need. more: times as many at first. runs: short runs; again: further
            ones on what is poorly explained. reach: largest shift looked for, pixels. sample: particles of the EM
            steps before the last, at most, per view; short: of a short run. exchanges: how often views may be merged and split
            at once. passes: EM steps on all. seed: of what is drawn.
    """

    views: int | None
    more: float = 2.0
    runs: int = 2
    again: int = 1
    reach: float = 6.0
    sample: int = 300
    short: int = 60
    exchanges: int = 6
    passes: int = 7
    seed: int = 0


def learn(particles, settings, say=LOG.info):
    """Views learned from particles.

    Args:
        particles: `PolarParticles`, a sample of the stack. settings: `Settings`. say: is told how far it is.

    Returns:
        `model.Views`; bool (k,): classes of junk, which come on top of the views asked for.
    """
    rng = np.random.default_rng(settings.seed)
    count, many = settings.views, int(round(settings.more * (settings.views or AUTO)))
    everyone = np.arange(len(particles))
    some = np.sort(rng.permutation(everyone)[: max(2000, settings.sample * many // 2)])
    rough = Search(disc_of_shifts(settings.reach, 2.5), 10)
    if count is None:
        count = number_needed(particles, some, settings, rough, rng, say)
        many = int(round(settings.more * count))
    views, local = _spread(particles, some, many, settings, rough, rng, say)
    views, fit, local = improved(particles, some, views, local, (10,))
    views, fit, local = merged(particles, some, views, fit, local, count + SPARE)
    say(f"{len(views)} views left, {fit.evidence.mean():.2f} nats a particle")
    views, fit, local = improved(particles, some, views, local, (10, 10), empty=True)
    views, fit, local = exchanged(particles, some, views, fit, local, settings.exchanges, rng, say)
    views, fit, local, junk = settled(particles, some, views, fit, local, count)
    say(f"{len(views)} views settled, of junk: {junk.sum()}")
    views, _ = centred(particles.grid, views, fit, local.in_view(some, fit.psi))
    wide = Search(disc_of_shifts(settings.reach, 2.0), rough.band)
    views = renewed(particles, some, views, fit, rough, wide.with_band(particles.grid.rings), rng, say)
    local = _placed(particles, everyone, views, wide)
    passes = np.minimum(11 + np.arange(settings.passes), particles.grid.rings)
    views, fit, local = improved(particles, everyone, views, local, passes, empty=True)
    say(f"all particles: {fit.evidence.mean():.2f} nats a particle")
    _, mean = badly(fit, len(views))
    # Views begun anew come last: of junk are as many as were settled, those that explain least.
    return views, np.argsort(np.argsort(mean)) < junk.sum(), fit, local


def _spread(particles, rows, many, settings, rough, rng, say):
    """`Views`, `many` of them, from the start up to where poses are known; a `Search` around these."""
    views = _begun(particles, rows, many, settings, rough, rng)
    say(f"{len(views)} views begun")
    views, fit, _ = improved(particles, rows, views, rough, (8, 9, 10))
    views, _ = centred(particles.grid, views, fit, fit.shift)
    return views, _placed(particles, rows, views, rough)


def number_needed(particles, rows, settings, rough, rng, say=LOG.info):
    """How many views particles need, junk among them: learned from most of rows, judged by the rest, several times."""
    turns, most = [], int(round(settings.more * AUTO))
    many = most
    parts = np.array_split(rng.permutation(rows), JUDGES)
    for judges in parts[:TURNS]:
        learners = np.setdiff1d(rows, judges)
        views, local = _spread(particles, learners, many, settings, rough, rng, say)
        views, fit, local = improved(particles, learners, views, local, (10, 10))
        turns.append(number.gains_by_number(particles, learners, np.sort(judges), views, fit, local, rough, say))
        needed = number.fewest(turns)
        say(f"views needed: {needed}, by {len(turns)} of {TURNS} turns")
        if needed == max(turns[0]):  # all that were begun with: no more are tried
            break
        many = min(int(round(settings.more * needed)), most)
    return needed


def _placed(particles, rows, views, wide):
    """A `Search` around the poses of rows, found by the search `wide`."""
    fit, _ = step(particles, rows, views, wide, sums=False)
    return around(particles, rows, fit, wide, LOCAL_REACH, LOCAL_STEP, wide.band)


def merged(particles, rows, views, fit, search, count):
    """Views merged, a quarter of them at a time, until `count` are left."""
    while len(views) > count:
        changes = merging.merges(particles, rows, views, fit.by_view, search)
        if not changes:
            break
        most = min(len(views) - count, max(1, len(views) // 4))
        views = merging.applied(views, merging.apart(changes, most))
        views, fit, search = improved(particles, rows, views, search, (search.band,) * 2)
    return views, fit, search


def exchanged(particles, rows, views, fit, search, most, rng, say=LOG.info):
    """Views of which two are merged and one is split, as long as the particles gain by both together.

    After Ueda et al. (2000), Split and merge EM algorithm.
    """
    for _ in range(most):
        gains = [gain for gain in merging.splits(particles, rows, views, fit.by_view, search, rng) if gain.nats > 0]
        losses = merging.merges(particles, rows, views, fit.by_view, search) if gains else []
        both = [(gain.nats - loss.nats, gain, loss) for gain in gains for loss in losses if not set(gain.old) & set(loss.old)]
        net, gain, loss = max(both, key=lambda option: option[0], default=(0.0, None, None))
        if net <= 0:
            break
        tried = merging.applied(views, [gain, loss])
        new, new_fit, new_search = improved(particles, rows, tried, search, (search.band,) * 3, empty=True)
        say(f"views {loss.old} merged, {gain.old} split: {net:.0f} nats; {new_fit.evidence.mean():.2f} a particle")
        if new_fit.evidence.sum() <= fit.evidence.sum():
            break
        views, fit, search = new, new_fit, new_search
    return views, fit, search


def settled(particles, rows, views, fit, search, count):
    """The views that remain, and which of them are of junk: what fits badly may keep a class on top of those asked for."""
    while True:
        poor, mean = badly(fit, len(views))
        junk = poor & (np.argsort(np.argsort(mean)) < SPARE)
        changes = merging.merges(particles, rows, views, fit.by_view, search)
        needed = count is not None and (~junk).sum() > count
        if len(views) == 1 or not (needed or changes[0].nats <= 0) or len(views) == count:
            return views, fit, search, junk
        views = merging.applied(views, changes[:1])
        views, fit, search = improved(particles, rows, views, search, (search.band,) * 2, empty=True)


def _begun(particles, rows, many, settings, search, rng):
    """The best `many` averages of short runs from single particles."""
    noise = np.median(particles.power, 0)
    source, pool = rows, None
    for turn in range(settings.again + 1):
        for _ in range(settings.runs if turn == 0 else 1):
            few = rng.choice(source, min(len(source), max(400, settings.short * many // 2)), replace=False)
            views = starts.seeds(particles, few, many, noise, rng)
            views, *_ = improved(particles, few, views, search, [6 + r // 3 for r in range(SHORT)])
            views = views.take(views.mass > LEAST_MASS)
            pool = views if pool is None else pool.join(views)
        judges = rng.permutation(rows)[: 75 * many]
        fit, _ = step(particles, judges, pool, search.with_band(8), sums=False)
        pool = pool.take(starts.greedy(fit.by_view, many))
        if turn < settings.again:
            pool, fit, _ = improved(particles, rows, pool, search, (8, 9, 10))
            source = rows[starts.poorly_explained(fit.evidence)]
    return pool

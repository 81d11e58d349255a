"""First poses of particles of which nothing is known: aligned in pairs by the network, then synchronised.

Each half-set has pairs of its own only, and a frame of its own. Poses that hang on pairs across both would give both halves'
averages the same noise, which then holds on to itself: a fifth of the particles of noise alone could be sure of an average.
"""

import numpy as np

from pipelines.errors import NoAnswerError
from udl_tf.particles.averaging import HALVES
from udl_tf.particles.synchronisation import random_pairs, synchronise

NEIGHBOURS, MORE_NEIGHBOURS = 10, 40  # pairs of each particle; the more where the pairs agree less than AGREE
AGREE = 0.6
FEW = 16  # fewer images than this make no two halves worth comparing: they keep the poses of their pairs, in one frame


def find_pair_poses(passes, alignment, views, seed=0):
    """Set poses, scores and symmetry of the few hundred particles of an alignment from those of their pairs.

    Returns:
        The views in which pairs can be aligned. The half-sets of those of at least FEW particles have a frame each.

    Raises:
        InputError: there are none.
    """
    table, left = alignment.particles, list(views)
    found_in = []
    for neighbours in (NEIGHBOURS, MORE_NEIGHBOURS):
        members = {view: table.members(view) for view in left}
        groups = {view: _groups(table.half[members[view]]) for view in left}
        chosen = {view: _pairs_within(groups[view], neighbours, seed) for view in left}
        rows = {view: table.rows[members[view][np.stack(chosen[view], 1)]] for view in left}
        found = passes.align_pairs(f"pairs-{neighbours}", rows)
        alignable = [view for view in left if (found[view]["score"] > 0).any()]
        agreement = {view: _synchronised(table, members[view], groups[view], *chosen[view], found[view]) for view in alignable}
        done = [view for view in alignable if neighbours == MORE_NEIGHBOURS or agreement[view] >= AGREE]
        found_in += done
        left = [view for view in alignable if view not in done]
        if not left:
            break
    if not found_in:
        raise NoAnswerError(f"{passes.config.path}: no two images that can be aligned (all but one are constant or not finite)")
    for view in sorted(found_in):
        order = table.symmetry[table.members(view)][0]
        if order > 1:
            alignment.note(view, f"The particles look the same after turns by 360/{order} degrees: angles are modulo that.")
    return sorted(found_in)


def _groups(half):
    """Places of the particles that get one frame, a list: those of each half-set, or all if they are few."""
    if len(half) < FEW:
        return [np.arange(len(half))]
    parts = [np.flatnonzero(half == number) for number in range(HALVES)]
    return [part for part in parts if len(part)]


def _pairs_within(groups, neighbours, seed):
    """Pairs of places of one group each, see `random_pairs`: first, second (pairs,)."""
    parts = [places[np.stack(random_pairs(len(places), neighbours, seed), 1)] for places in groups]  # (pairs, 2) each
    return tuple(np.concatenate(parts).T)


def _synchronised(table, members, groups, first, second, found):
    """Set the poses of a view's particles from those of their pairs, indices into `members`; returns how far the pairs agree."""
    count = len(members)
    order = _usual(found["symmetry"], found["score"])
    trust = found["score"].astype(np.float64) + 1e-6
    angle, shift, agreement = np.zeros(count), np.zeros((count, 2)), np.zeros(len(first))
    for places in groups:
        own = np.isin(first, places)  # pairs
        ends = np.searchsorted(places, first[own]), np.searchsorted(places, second[own])
        seen = found["angle"][own], found["shift"][own], trust[own]
        angle[places], shift[places], agreement[own] = synchronise(*ends, *seen, len(places), order)
    share = [np.bincount(side, trust, count) for side in (first, second)]
    agreed = [np.bincount(side, trust * agreement * found["score"], count) for side in (first, second)]
    error = np.square(np.minimum(found["sigma"], 180.0)) / 2.0  # of a pair both images have a part
    table.angle[members], table.shift[members], table.symmetry[members] = angle, shift, order
    table.score[members] = sum(agreed) / sum(share)
    table.sigma[members] = np.sqrt(sum(np.bincount(side, trust * error, count) for side in (first, second)) / sum(share))
    return np.average(agreement, weights=trust)


def _usual(symmetry, score):
    """The order of symmetry of at least half of the trusted pairs, else 1."""
    trusted = symmetry[score > 0.5] if (score > 0.5).any() else symmetry
    orders, counts = np.unique(trusted, return_counts=True)
    return int(orders[counts.argmax()]) if counts.max() * 2 >= len(trusted) else 1

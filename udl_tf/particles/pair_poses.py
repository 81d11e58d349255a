"""First poses of particles of which nothing is known: aligned in pairs by the network, then synchronised.

Poses that hang on pairs across both half-sets give the averages of both the same noise, which then holds on to itself: a fifth
of the particles of noise alone could be sure of an average. So each half-set is also synchronised by its own pairs alone, to
see whether both find the same. The poses to begin with are those of all pairs: both halves of round particles have one centre.
"""

import numpy as np

from pipelines.errors import NoAnswerError
from udl_tf.particles.averaging import HALVES
from udl_tf.particles.synchronisation import random_pairs, synchronise

NEIGHBOURS, MORE_NEIGHBOURS = 10, 40  # pairs of each particle; the more where the pairs agree less than AGREE
AGREE = 0.6
FEW = 16  # fewer images than this make no two halves worth comparing: they keep the poses of their pairs


def find_pair_poses(passes, alignment, views, seed=0):
    """Set poses, scores and symmetry of the few hundred particles of an alignment from those of their pairs.

    Returns:
        The views in which pairs can be aligned; a `ParticleTable` with poses by pairs within half-sets alone, a frame each.

    Raises:
        InputError: there are none.
    """
    table, left = alignment.particles, list(views)
    apart = table.take(np.arange(len(table.rows)))
    found_in = []
    for neighbours in (NEIGHBOURS, MORE_NEIGHBOURS):
        members = {view: table.members(view) for view in left}
        chosen = {view: random_pairs(len(members[view]), neighbours, seed) for view in left}
        rows = {view: table.rows[members[view][np.stack(chosen[view], 1)]] for view in left}
        found = passes.align_pairs(f"pairs-{neighbours}", rows)
        alignable = [view for view in left if (found[view]["score"] > 0).any()]
        agreement = {view: _synchronised(table, members[view], *chosen[view], found[view]) for view in alignable}
        for view in alignable:
            _synchronised_apart(apart, members[view], *chosen[view], found[view])
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
    return sorted(found_in), apart


def _synchronised(table, members, first, second, found):
    """Set the poses of a view's particles from those of their pairs, indices into `members`; returns how far the pairs agree."""
    count = len(members)
    order = _usual(found["symmetry"], found["score"])
    trust = found["score"].astype(np.float64) + 1e-6
    angle, shift, agreement = synchronise(first, second, found["angle"], found["shift"], trust, count, order)
    share = [np.bincount(side, trust, count) for side in (first, second)]
    agreed = [np.bincount(side, trust * agreement * found["score"], count) for side in (first, second)]
    error = np.square(np.minimum(found["sigma"], 180.0)) / 2.0  # of a pair both images have a part
    table.angle[members], table.shift[members], table.symmetry[members] = angle, shift, order
    table.score[members] = sum(agreed) / sum(share)
    table.sigma[members] = np.sqrt(sum(np.bincount(side, trust * error, count) for side in (first, second)) / sum(share))
    return np.average(agreement, weights=trust)


def _synchronised_apart(table, members, first, second, found):
    """Set the poses of each half-set of a view from its own pairs."""
    order = _usual(found["symmetry"], found["score"])
    trust = found["score"].astype(np.float64) + 1e-6
    half = table.half[members]
    for number in range(HALVES):
        places = np.flatnonzero(half == number)
        own = (half[first] == number) & (half[second] == number)  # pairs
        if not own.any():
            continue
        ends = np.searchsorted(places, first[own]), np.searchsorted(places, second[own])
        seen = found["angle"][own], found["shift"][own], trust[own]
        table.angle[members[places]], table.shift[members[places]], _ = synchronise(*ends, *seen, len(places), order)


def _usual(symmetry, score):
    """The order of symmetry of at least half of the trusted pairs, else 1."""
    trusted = symmetry[score > 0.5] if (score > 0.5).any() else symmetry
    orders, counts = np.unique(trusted, return_counts=True)
    return int(orders[counts.argmax()]) if counts.max() * 2 >= len(trusted) else 1

"""From a stack of particles to poses and averages: what is done in which order. The passes themselves are in `passes`.

Without a reference a few hundred particles are aligned in pairs by the network, their poses synchronised, and their average
refined until the angles stop moving; then every particle of the stack is looked for in that average. All averages
come in two half-sets. Where averages of halves that know nothing of each other do not fit each other, no angle is right, however
well each particle fits its own. This is the second stage of learning from the whole set that the paper's authors have an
autoencoder for.

A stack may hold several views; each then goes through all this as if it were a stack of its own, with the same numbers. What
tells views apart is not decided here.
"""

import dataclasses
import time

import numpy as np

from pipelines import geometry
from pipelines.errors import NoAnswerError
from udl_tf.particles import scores
from udl_tf.particles.alignment import StackAlignment
from udl_tf.particles.averaging import HALVES
from udl_tf.particles.masks import framed, mask_of
from udl_tf.particles.pair_poses import FEW, find_pair_poses
from udl_tf.particles.passes import NOTHING, SMALL
from udl_tf.particles.table import LEFT_OUT

START = 512  # particles of a view that are aligned in pairs
ROUNDS, SMALL_ROUNDS, LARGE_ROUNDS = 8, 5, 2  # of refinement at most: of the start, and of whole views up to SMALL or larger
STILL = 0.05  # degrees: rounds end when the angles move less (median)
FAR = 10.0, 5.0  # degrees and pixels: half-sets that seem further apart than this are not brought together
DOUBT = 0.5  # score of the halves' averages, found apart and aligned, below which it lowers those of the particles


def to_average(passes, table, aligner, seed=0):
    """Align particles to the emerging average of their view, from nothing.

    Args:
        passes: `Passes`. table: `ParticleTable`, whose views are taken as they are; changed. aligner: `Aligner`, for bringing the
            two half-set averages together. seed: of the choice of particles and pairs to begin with.

    Returns:
        `StackAlignment`. Views too small or without usable images are left out, with a note, if others are left.

    Raises:
        InputError: fewer than two particles, or two that can be used.
    """
    if len(table.rows) < 2:
        raise NoAnswerError(
            f"{passes.config.path} holds {len(table.rows)} image: expected at least 2 for an average of their own"
        )
    alignment = StackAlignment(table)
    views = [view for view in table.views if len(table.members(view)) > 1]
    chosen = np.sort(np.concatenate([_chosen(table.members(view), seed) for view in views]))
    start = dataclasses.replace(alignment, particles=table.take(chosen))  # one history
    passes.add_up("before", start, views)
    start.snapshot("before")
    views, apart = find_pair_poses(passes, start, [view for view in views if view in passes.references], seed)
    _leave_out(alignment, views, "no two images that can be aligned")
    many = _large(alignment, views, "the poses are those of their pairs")
    trust = _trust(passes, StackAlignment(apart), many, aligner)
    passes.add_up("paired", start, views)
    start.snapshot("pairs, synchronised")
    _rounds(passes, start, "start", dict.fromkeys(many, ROUNDS))
    table.put(chosen, start.particles, ("angle", "shift", "score", "sigma", "symmetry", "usable", "in_average"))
    for view in many:
        table.symmetry[table.members(view)] = start.particles.symmetry[start.particles.members(view)[0]]
    known = np.zeros(len(table.rows), bool)
    known[chosen] = True
    _whole_views(passes, alignment, many, known)
    _bring_halves_together(passes, table, many, aligner)
    _finish(passes, alignment, views)
    _lower(alignment, trust)
    return alignment


def refine_views(passes, table, aligner, search=True):
    """Refine particles whose views and poses are known, each against the average of its own view and half-set.

    Args:
        passes, aligner: as for `to_average`. table: `ParticleTable` with views and with poses that are right to a few degrees and
            pixels; changed. search: also look for every particle anew, all around, and keep what fits better.

    Returns:
        `StackAlignment`, as of `to_average`. Views of fewer than FEW particles keep their poses.

    Raises:
        InputError: no image can be used.
    """
    alignment = StackAlignment(table)
    passes.add_up("before", alignment, table.views)
    alignment.snapshot("before")
    views = [view for view in table.views if view in passes.references]
    _leave_out(alignment, views, "no image can be used")
    many = _large(alignment, views, "the poses are those that were given")
    _rounds(passes, alignment, "start", dict.fromkeys(many, ROUNDS))
    if search:
        _whole_views(passes, alignment, many, np.ones(len(table.rows), bool))
    _bring_halves_together(passes, table, many, aligner)
    return _finish(passes, alignment, views)


def to_reference(passes, table, image, refine=True):
    """Align particles to an image (box, box); averages are of each view.

    Args:
        refine: go on from what the network found, in the light of the whole stack's noise and signal.

    Returns:
        `StackAlignment`.

    Raises:
        InputError: no image can be used.
    """
    alignment, views = StackAlignment(table), table.views
    passes.add_up("before", alignment, views)
    alignment.snapshot("before")
    views = [view for view in views if view in passes.references]
    _leave_out(alignment, views, "no image can be used")
    given = dict.fromkeys(views, image)
    passes.search("search", table, views, dict.fromkeys(views, np.stack([image] * HALVES).astype(np.float32)))
    passes.add_up("found", alignment, views, given)
    alignment.snapshot("found by the network")
    if refine:
        for number in (1, 2):
            _round(passes, alignment, f"round-{number}", views, 2, given)
            alignment.snapshot(f"round {number}")
    else:
        for members in map(table.members, views):
            table.weight[members] = scores.kept(table.score[members] >= scores.LEAST, table.usable[members])
    return _finish(passes, alignment, views, given)


def _chosen(members, seed):
    """At most START of the particles of a view, in order."""
    return members[np.sort(np.random.default_rng(seed).permutation(len(members))[:START])]


def _leave_out(alignment, views, why):
    """Particles of other views than these belong to none from now on."""
    table = alignment.particles
    for view in set(table.views) - set(views):
        alignment.notes.append(f"View {view + 1} is left out: {why}.")
        table.view[table.members(view)] = LEFT_OUT


def _large(alignment, views, instead):
    """The views of enough particles to go on with; the others are told what there is instead."""
    counts = {view: len(alignment.particles.members(view)) for view in views}
    for view in views:
        if counts[view] < FEW:
            alignment.note(view, f"{counts[view]} images are too few for an average that leads them: {instead}.")
    return [view for view in views if counts[view] >= FEW]


def _rounds(passes, alignment, name, most):
    """Rounds of one step each, each particle compared with what the others agreed on, until the angles of its view stop moving.

    most: view -> rounds at most.
    """
    number, moving = 0, list(most)
    while moving:
        number += 1
        change = _round(passes, alignment, f"{name}-{number}", moving, 1)
        alignment.snapshot(f"{name} {number}")
        moving = [view for view in moving if number < most[view] and not change[view] < STILL]


def _round(passes, alignment, name, views, steps, given=NOTHING):
    """Refine particles, and keep record of it; returns view -> median change of the angle."""
    began = time.perf_counter()
    change = passes.refine(name, alignment, views, steps, given=given)
    members = {view: alignment.particles.members(view) for view in views}
    alignment.changes.append(float(np.nanmedian(change)))
    alignment.rates.append(sum(map(len, members.values())) / (time.perf_counter() - began))
    return {view: float(np.nanmedian(change[places])) for view, places in members.items()}


def _whole_views(passes, alignment, views, known):
    """Look for all particles of views in their averages and refine them; of poses known (n,) keep those that fit better."""
    if not views:
        return
    table = alignment.particles
    before, symmetry = (table.angle.copy(), table.shift.copy(), known), table.symmetry.copy()
    passes.search("search", table, views, {view: passes.references[view].averages for view in views})
    table.symmetry[:] = symmetry
    passes.refine("searched", alignment, views, 3, others=[before])
    alignment.snapshot("all particles")
    most = {view: SMALL_ROUNDS if len(table.members(view)) <= SMALL else LARGE_ROUNDS for view in views}
    _rounds(passes, alignment, "round", most)


def _trust(passes, apart, views, aligner):
    """View -> score of the averages of its half-sets, whose poses know nothing of each other, aligned to each other."""
    if not views:
        return {}
    passes.add_up("apart", apart, views)
    mask = mask_of(passes.config)
    halves = {view: framed(apart.averages[view].halves, mask).numpy() for view in views}
    return {view: float(aligner.align(*pair, report=False).score[0]) for view, pair in halves.items()}


def _bring_halves_together(passes, table, views, aligner):
    """Turn and move the odd half-set of each view onto the even one: each has followed its own average."""
    for view in views:
        found = aligner.align(*passes.references[view].averages, report=False)
        angle, shift = found.angle[0], found.shift[0]
        if not (abs(angle) < FAR[0] and np.hypot(*shift) < FAR[1]):  # also if NaN
            continue
        odd = np.flatnonzero((table.view == view) & (table.half == 1))
        pose = table.angle[odd], table.shift[odd]
        turned = geometry.compose(pose, (np.full(len(odd), angle, np.float32), np.tile(shift, (len(odd), 1))))
        table.angle[odd], table.shift[odd] = (np.asarray(part) for part in turned)


def _lower(alignment, trust):
    """Multiply the scores of views whose halves did not fit each other, view -> score below DOUBT, by that; say so."""
    table = alignment.particles
    for view, score in trust.items():
        if score < DOUBT:
            table.score[table.members(view)] *= score
            alignment.note(
                view,
                "Two averages of half of the particles each, found apart, do not tell one angle between them "
                f"(score {score:.2f}): the particles are round, or hold nothing in common. Their scores are lowered.",
            )


def _finish(passes, alignment, views, given=NOTHING):
    """Sums at the final poses with the final weights, for the averages that are shown and written."""
    table = alignment.particles
    passes.add_up("final", alignment, views, given)
    alignment.averages = {view: alignment.averages[view] for view in views}
    alignment.snapshot("final")
    for view in views:
        out = int(np.sum((table.usable & (table.weight == 0))[table.members(view)]))
        alignment.note(view, f"{out} particles left out of the average: they hold nothing of it, or too little.")
    if not table.usable.all():
        alignment.notes.append(f"{int(np.sum(~table.usable))} images cannot be used: constant or not finite.")
    return alignment

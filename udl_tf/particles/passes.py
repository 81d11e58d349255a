"""From a stack of particles to poses and averages: what is done in which order. The work itself is in `chunk_functions`.

Without a reference a few hundred particles are aligned in pairs by the network, their poses synchronised, and their average
refined until the angles stop moving; then every particle of the stack is looked for in that average. All averages
come in two half-sets. This is the second stage of learning from the whole set that the paper's authors have an autoencoder for.
"""

import dataclasses
import time

import numpy as np
from tqdm import tqdm

from pipelines import geometry
from pipelines.errors import InputError
from udl_tf.chunks import run
from udl_tf.particles import chunk_functions, references, scores
from udl_tf.particles.references import Totals
from udl_tf.particles.synchronisation import random_pairs, synchronise

START = 512  # particles that are aligned in pairs
NEIGHBOURS, MORE_NEIGHBOURS = 10, 40  # pairs of each; the more where the pairs agree less than AGREE
AGREE = 0.6
FEW = 16  # fewer images than this make no two halves worth comparing: they keep the poses of their pairs
PAIRS = 640  # pairs in a chunk
SMALL, SMALL_CHUNK, CHUNK = 4096, 128, 512  # particles in a chunk of stacks up to SMALL, and of larger ones
ROUNDS, SMALL_ROUNDS, LARGE_ROUNDS = 8, 5, 2  # of refinement at most: of the start, and of the whole stack
STILL = 0.05  # degrees: rounds end when the angles move less (median)
WHOLE = 99_999_999  # number of the ledger's entry for a whole pass
FAR = 10.0, 5.0  # degrees and pixels: half-sets that seem further apart than this are not brought together


@dataclasses.dataclass
class Stack:
    """What is known of the particles of a stack, and how it came about. Changes from stage to stage.

    Attributes:
        angle (n,) degrees, shift (n, 2) pixels: bring particles onto the average or the reference.
        score, sigma, weight, symmetry, usable: (n,). inside: (n,), weights in the latest averages. rows: (n,), in the file.
        picture: `references.Picture` at these poses. averages: (label, (box, box)) on the way.
        changes, rates: median change of the angle and particles per second in each round over all particles.
        notes: sentences for the report.
    """

    rows: np.ndarray
    angle: np.ndarray
    shift: np.ndarray
    score: np.ndarray
    sigma: np.ndarray
    weight: np.ndarray
    inside: np.ndarray
    symmetry: np.ndarray
    usable: np.ndarray
    picture: references.Picture = None
    averages: list = dataclasses.field(default_factory=list)
    changes: list = dataclasses.field(default_factory=list)
    rates: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)

    @classmethod
    def of(cls, rows):
        """Particles of these rows of which nothing is known."""
        n = len(rows)
        return cls(
            rows=np.asarray(rows),
            angle=np.zeros(n, np.float32),
            shift=np.zeros((n, 2), np.float32),
            score=np.zeros(n, np.float32),
            sigma=np.full(n, np.inf, np.float32),
            weight=np.ones(n, np.float32),
            inside=np.zeros(n, np.float32),
            symmetry=np.ones(n, np.int32),
            usable=np.ones(n, bool),
        )


class Stages:
    """The stages of one job.

    Args:
        setting: `workbench.Setting`. executor, ledger: see `run.run`. progress: show bars on stderr.
    """

    def __init__(self, setting, executor, ledger=None, progress=True):
        self.setting, self.executor, self.ledger, self.progress = setting, executor, ledger, progress

    def to_average(self, count, aligner, seed=0):
        """Align `count` particles to their own emerging average; returns a `Stack`.

        aligner: `Aligner`, for bringing the two half-set averages together.

        Raises:
            InputError: fewer than two particles, or two that can be used.
        """
        if count < 2:
            raise InputError(f"{self.setting.path} holds {count} image: expected at least 2 for an average of their own")
        chosen = np.sort(np.random.default_rng(seed).permutation(count)[:START])
        start = self._paired(chosen, seed)
        if count < FEW:
            start.notes.append(f"{count} images are too few for an average that leads them: the poses are those of their pairs.")
            return self._finish(start)
        self._rounds("start", start, ROUNDS)
        stack = Stack.of(np.arange(count))
        stack.averages, stack.notes = start.averages, start.notes
        stack.angle[chosen], stack.shift[chosen], stack.inside[chosen] = start.angle, start.shift, start.inside
        known = np.isin(stack.rows, chosen)
        self._pass("search", stack, self.reference, 3, search=self.reference.averages, known=known)
        stack.averages.append(("all particles", stack.picture.average))
        stack.symmetry[:] = start.symmetry[0]
        self._rounds("round", stack, SMALL_ROUNDS if count <= SMALL else LARGE_ROUNDS)
        self._bring_halves_together(stack, aligner)
        return self._finish(stack)

    def to_reference(self, image, count, refine=True):
        """Align `count` particles to an image (box, box); returns a `Stack`.

        refine: go on from what the network found, in the light of the whole stack's noise and signal.
        """
        stack = Stack.of(np.arange(count))
        self._pass("before", stack, None, 0)
        stack.averages.append(("before", stack.picture.average))
        self._pass("search", stack, None, 0, search=np.stack([image] * 2).astype(np.float32), given=image)
        stack.averages.append(("found by the network", stack.picture.average))
        if not refine:
            stack.weight = scores.kept(stack.score >= scores.LEAST, stack.usable)
        for number in range(2 if refine else 0):
            self._pass(f"round-{number + 1}", stack, self.reference, 2, given=image)
            stack.averages.append((f"round {number + 1}", stack.picture.average))
        return self._finish(stack, given=image)

    def _paired(self, chosen, seed):
        """A `Stack` of a few hundred particles that nothing is known of, with poses from their pairs; sets `self.reference`."""
        stack = Stack.of(chosen)
        self._pass("before", stack, None, 0)
        stack.averages.append(("before", stack.picture.average))
        for neighbours in (NEIGHBOURS, MORE_NEIGHBOURS):
            first, second = random_pairs(len(chosen), neighbours, seed)
            found = self._pairs(f"pairs-{neighbours}", np.stack([chosen[first], chosen[second]], 1))
            order = _usual(found["symmetry"], found["score"])
            trust = found["score"].astype(np.float64) + 1e-6
            poses = synchronise(first, second, found["angle"], found["shift"], trust, len(chosen), order)
            if np.average(poses[2], weights=trust) >= AGREE:
                break
        stack.symmetry[:] = order
        stack.angle, stack.shift = (part.astype(np.float32) for part in poses[:2])
        share = [np.bincount(side, trust, len(chosen)) for side in (first, second)]
        agreed = [np.bincount(side, trust * poses[2] * found["score"], len(chosen)) for side in (first, second)]
        stack.score = sum(agreed) / sum(share)
        error = np.square(np.minimum(found["sigma"], 180.0)) / 2.0  # of a pair both images have a part
        stack.sigma = np.sqrt(sum(np.bincount(side, trust * error, len(chosen)) for side in (first, second)) / sum(share))
        if order > 1:
            stack.notes.append(f"The particles look the same after turns by 360/{order} degrees: angles are modulo that.")
        self._pass("paired", stack, None, 0)
        stack.averages.append(("pairs, synchronised", stack.picture.average))
        return stack

    def _pairs(self, name, pairs):
        """What `chunk_functions.pairs` finds of pairs (p, 2) of rows.

        Raises:
            InputError: none of them can be aligned.
        """
        payload = {"setting": self.setting, "pairs": pairs}
        with self._bar(name, len(pairs), "pair") as bar:
            parts = list(run.run(name, chunk_functions.pairs, payload, len(pairs), PAIRS, self.executor, self.ledger, bar))
        found = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        if not (found["score"] > 0).any():
            raise InputError(f"{self.setting.path}: no two images that can be aligned (all but one are constant or not finite)")
        return found

    def _rounds(self, name, stack, most):
        """Passes with one step each until the angles stop moving: each particle is compared with what the others agreed on."""
        for number in range(1, most + 1):
            change = self._pass(f"{name}-{number}", stack, self.reference, 1)
            stack.averages.append((f"{name} {number}", stack.picture.average))
            if change < STILL:
                break

    def _pass(self, name, stack, reference, steps, search=None, known=None, given=None):
        """One pass over the particles of `stack`; changes it and `self.reference`, returns the median change of angle."""
        count = len(stack.rows)
        payload = {
            "setting": self.setting,
            "rows": stack.rows,
            "angle": stack.angle,
            "shift": stack.shift,
            "weight": stack.weight,
            "inside": stack.inside,
            "reference": reference,
            "search": search,
            "known": np.zeros(count, bool) if known is None else known,
            "steps": steps,
        }
        began = time.perf_counter()
        totals, found = self._sums(name, payload, count)
        change = np.abs(geometry.wrap_degrees(found["angle"] - stack.angle))[found["usable"]]
        stack.angle, stack.shift, stack.usable = found["angle"], found["shift"], found["usable"]
        stack.inside = stack.weight * stack.usable
        if not stack.usable.any():
            raise InputError(f"{self.setting.path}: no image can be used, all are constant or not finite (NaN or infinity)")
        if search is not None:
            stack.symmetry, stack.score, stack.sigma = (found[key] for key in ("symmetry", "score", "sigma"))
        if "detection" in found:
            limit = self.setting.limit
            turned = scores.score(found["uneven"], found["uneven_detection"], found["variance"], limit)
            stack.score = turned * scores.there(found["amplitude"], found["detection"], limit) * stack.usable
            stack.sigma = np.where(stack.usable, np.sqrt(found["variance"]), np.inf)
            stack.weight = scores.weight(found["amplitude"], found["detection"], stack.usable, limit)
        make = references.emerging if given is None else references.given
        self.reference, stack.picture = make(*(() if given is None else (given,)), totals, self.setting)
        if steps and search is None:
            stack.changes.append(float(np.median(change)))
            stack.rates.append(count / (time.perf_counter() - began))
        return float(np.median(change))

    def _sums(self, name, payload, count):
        """What a pass adds up to, and what it found of each particle. A finished pass is kept whole, and its chunks are not."""
        if self.ledger is not None and self.ledger.has(name, WHOLE):
            kept = self.ledger.read(name, WHOLE)
            return Totals(kept), {key: kept[key] for key in kept if key not in Totals.NAMES}
        totals, parts = Totals(), []
        size = SMALL_CHUNK if count <= SMALL else CHUNK
        with self._bar(name, count, "particle") as bar:
            for part in run.run(name, chunk_functions.poses, payload, count, size, self.executor, self.ledger, bar):
                totals.add(part)
                parts.append({key: part[key] for key in part if key not in Totals.NAMES})
        found = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        if self.ledger is not None:
            self.ledger.write(name, WHOLE, {**totals.sums, **found})
            self.ledger.forget(name, keep=WHOLE)
        return totals, found

    def _bring_halves_together(self, stack, aligner):
        """Turn and move the odd half-set onto the even one: each has followed its own average."""
        found = aligner.align(*self.reference.averages, report=False)
        angle, shift = found.angle[0], found.shift[0]
        if not (abs(angle) < FAR[0] and np.hypot(*shift) < FAR[1]):  # also if NaN
            return
        odd = stack.rows % 2 == 1
        pose = stack.angle[odd], stack.shift[odd]
        turned = geometry.compose(pose, (np.full(odd.sum(), angle, np.float32), np.tile(shift, (odd.sum(), 1))))
        stack.angle[odd], stack.shift[odd] = (np.asarray(part) for part in turned)

    def _finish(self, stack, given=None):
        """Sums at the final poses with the final weights, for the average that is shown and written."""
        self._pass("final", stack, None, 0, given=given)
        stack.averages.append(("final", stack.picture.average))
        out = int(np.sum(stack.usable & (stack.weight == 0)))
        stack.notes.append(f"{out} particles left out of the average: they hold nothing of it, or too little.")
        if not stack.usable.all():
            stack.notes.append(f"{int(np.sum(~stack.usable))} images cannot be used: constant or not finite.")
        return stack

    def _bar(self, name, count, unit):
        return tqdm(total=count, unit=unit, desc=name, disable=None if self.progress else True, leave=False)


def _usual(symmetry, score):
    """The order of symmetry of at least half of the trusted pairs, else 1."""
    trusted = symmetry[score > 0.5] if (score > 0.5).any() else symmetry
    orders, counts = np.unique(trusted, return_counts=True)
    return int(orders[counts.argmax()]) if counts.max() * 2 >= len(trusted) else 1

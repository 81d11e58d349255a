"""The passes over the particles of a stack: align pairs, add up, search, refine. What is done in which order is in `stages`.

Each pass hands chunks to an executor (`chunk_functions` has the work), adds up what comes back, view by view and in order, and
makes of it the averages and references of the next pass.
"""

import types

import numpy as np
from tqdm import tqdm

from pipelines import geometry
from pipelines.errors import NoAnswerError
from udl_tf.chunks import run
from udl_tf.particles import chunk_functions, references, scores
from udl_tf.particles.references import Totals

PAIRS = 640  # pairs in a chunk
SMALL, SMALL_CHUNK, CHUNK = 4096, 128, 512  # particles in a chunk of views up to SMALL, and of larger ones
WHOLE = 99_999_999  # number of the store's entry for a whole pass
NOTHING = types.MappingProxyType({})


class Passes:
    """The passes of one alignment.

    Attributes:
        references: view -> `references.Reference`, from the latest sums.

    Args:
        config: `StackConfig`. executor, store: see `run.run`. progress: show bars on stderr.
    """

    def __init__(self, config, executor, store=None, progress=True):
        self.config, self.executor, self.store, self.progress = config, executor, store, progress
        self.references = {}

    def align_pairs(self, name, pairs):
        """Align pairs of rows of each view, view -> (p, 2), to each other.

        Returns:
            view -> dict of what `chunk_functions.align_pairs` returns.
        """
        task = chunk_functions.PairTask(self.config, np.concatenate(list(pairs.values())))
        chunks = sum(_chunks([len(part) for part in pairs.values()], [PAIRS] * len(pairs)), [])
        with self._bar(name, len(task.pairs), "pair") as bar:
            parts = list(run.run(name, chunk_functions.align_pairs, task, chunks, self.executor, self.store, bar))
        found = _joined(parts)
        ends = np.cumsum([len(part) for part in pairs.values()])[:-1]
        split = {key: np.split(values, ends) for key, values in found.items()}
        return {view: {key: values[number] for key, values in split.items()} for number, view in enumerate(pairs)}

    def search(self, name, table, views, images):
        """Look for all particles of some views in images, view -> (2, box, box): sets poses, scores and symmetry."""
        order, counts = _ordered(table, views)
        task = chunk_functions.SearchTask(self.config, table.rows[order], table.view[order], table.half[order], images)
        _, found = self._pass(name, chunk_functions.search, task, views, counts)
        for key, values in found.items():
            getattr(table, key)[order] = values

    def add_up(self, name, alignment, views, given=NOTHING):
        """Add up the particles of some views at their poses: makes averages and references.

        given: view -> reference image (box, box), for views that are not compared with their own average.
        """
        table = alignment.particles
        order, counts = _ordered(table, views)
        columns = (getattr(table, key)[order] for key in ("rows", "half", "angle", "shift", "weight"))
        task = chunk_functions.AddUpTask(self.config, *columns)
        totals, found = self._pass(name, chunk_functions.add_up, task, views, counts)
        table.usable[order] = found["usable"]
        table.in_average[order] = task.weight * found["usable"]
        self._conclude(alignment, totals, given)

    def refine(self, name, alignment, views, steps, others=(), given=NOTHING):
        """Refine the particles of some views against their references, and add them up: makes new averages and references.

        Args:
            others: poses to begin from besides those of the table, (angle (n,), shift (n, 2), known (n,)) each.
            given: see `add_up`.

        Returns:
            Change of the angle (n,) in degrees, NaN for particles that cannot be used or belong to other views.
        """
        table = alignment.particles
        order, counts = _ordered(table, views)
        columns = (getattr(table, key)[order] for key in ("rows", "view", "half", "weight", "in_average"))
        starts = [(table.angle, table.shift, np.ones(len(table.rows), bool)), *others]
        starts = tuple(tuple(part[order] for part in start) for start in starts)
        seen = {view: self.references[view] for view in views}
        task = chunk_functions.RefineTask(self.config, *columns, starts, seen, steps)
        totals, found = self._pass(name, chunk_functions.refine, task, views, counts)
        change = np.full(len(table.rows), np.nan, np.float32)
        change[order] = np.abs(geometry.wrap_degrees(found["angle"] - table.angle[order]))
        table.angle[order], table.shift[order], table.usable[order] = found["angle"], found["shift"], found["usable"]
        change[~table.usable] = np.nan
        for view, part in zip(views, np.split(np.arange(len(order)), np.cumsum(counts)[:-1]), strict=True):
            self._judge(table, table.members(view), {key: values[part] for key, values in found.items()})
        table.in_average[order] = task.weight * found["usable"]  # the new weights go into the next averages
        self._conclude(alignment, totals, given)
        return change

    def _judge(self, table, members, found):
        """Scores and weights of a view's particles, from how well they fit in comparison with each other."""
        usable, limit = found["usable"], self.config.limit
        turned = scores.score(found["uneven"], found["uneven_detection"], found["variance"], limit)
        fit = found["amplitude"], found["detection"]
        table.score[members] = turned * scores.there(*fit, limit) * scores.bright(*fit) * usable
        table.sigma[members] = np.where(usable, np.sqrt(found["variance"]), np.inf)
        table.weight[members] = scores.weight(found["amplitude"], found["detection"], usable, limit)

    def _conclude(self, alignment, totals, given):
        """What sums at the present poses make: averages and references of their views, but for those without a usable image."""
        totals = {view: found for view, found in totals.items() if found.sums["count"] > 0}
        if not totals:
            raise NoAnswerError(f"{self.config.path}: no image can be used, all are constant or not finite (NaN or infinity)")
        for view, found in totals.items():
            image = (given[view],) if view in given else ()
            make = references.given if image else references.emerging
            self.references[view], alignment.averages[view] = make(*image, found, self.config)

    def _pass(self, name, function, task, views, counts):
        """(view -> `Totals`, what was found of each particle). A finished pass is kept whole, and its chunks are not."""
        if self.store is not None and self.store.has(name, WHOLE):
            kept = self.store.read(name, WHOLE)
            sums = {key: kept.pop(key) for key in Totals.NAMES if key in kept}
            return {view: Totals({key: part[i] for key, part in sums.items()}) for i, view in enumerate(views) if sums}, kept
        chunks = _chunks(counts, [SMALL_CHUNK if count <= SMALL else CHUNK for count in counts])
        owners = [view for view, own in zip(views, chunks, strict=True) for _ in own]
        totals, parts = {}, []
        with self._bar(name, sum(counts), "particle") as bar:
            results = run.run(name, function, task, sum(chunks, []), self.executor, self.store, bar)
            for view, part in zip(owners, results, strict=True):
                if Totals.NAMES[0] in part:
                    totals.setdefault(view, Totals()).add(part)
                parts.append({key: part[key] for key in part if key not in Totals.NAMES})
        found = _joined(parts)
        if self.store is not None:
            sums = {key: np.stack([totals[view].sums[key] for view in views]) for key in Totals.NAMES if totals}
            self.store.write(name, WHOLE, {**sums, **found})
            self.store.forget(name, keep=WHOLE)
        return totals, found

    def _bar(self, name, count, unit):
        return tqdm(total=count, unit=unit, desc=name, disable=None if self.progress else True, leave=False)


def _ordered(table, views):
    """Places of the particles of some views, view by view, and how many each has."""
    members = [table.members(view) for view in views]
    return np.concatenate(members), [len(part) for part in members]


def _chunks(counts, sizes):
    """Chunks of each of several groups of items that follow each other: a list of (start, stop) each."""
    firsts = np.cumsum([0, *counts[:-1]]).tolist()
    return [run.ranges(count, size, first) for count, size, first in zip(counts, sizes, firsts, strict=True)]


def _joined(parts):
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}

"""Pairs of sections that lie side by side, two apart, and three: what brings the second onto the first.

Neighbours are compared at the sections' own resolution, from where they are; where that is not believed, an aligner proposes.
Sections further apart begin from what their neighbours said, and are compared at half the resolution: they are there to outvote.
Those three apart are looked at where a section between them is not believed.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from pipelines.errors import InputError
from pipelines.geometry import frames
from udl_tf.chunks.executors import Here
from udl_tf.chunks.run import ranges, run
from udl_tf.chunks.store import ChunkStore
from udl_tf.registration.pairs import DOUBTFUL, NOTHING, collected, judged, register_pyramids
from udl_tf.registration.pyramid import Pyramid
from udl_tf.registration.refinement import Refined, first_level, refine
from udl_tf.registration.result import Registration
from udl_tf.volumes.section_readers import Told

APART = (1, 2, 3)
PIECE = 8  # sections whose pairs are kept together


@dataclasses.dataclass(frozen=True)
class SectionPairs:
    """Registered pairs of a volume.

    Attributes:
        first, second: (pairs,) numbers of sections from 0. registration: of `second` onto `first`.
    """

    first: np.ndarray
    second: np.ndarray
    registration: Registration


@dataclasses.dataclass(frozen=True)
class PairTask:
    """What sections are compared by, see `compare_sections`.

    Attributes:
        near: {(first, second): (`Refined` or None, score)} of all neighbours, where others are compared.
    """

    aligner: Callable
    read: Callable[[int], np.ndarray]
    tell: Callable[[int, int], None]
    near: dict | None = None

    @functools.cached_property
    def pyramid(self) -> Callable:
        """From a number to a `Pyramid`, or None; the last ones are kept."""
        return functools.lru_cache(max(APART) + 1)(lambda number: _pyramid(self.read(number), number))


def compare_sections(
    aligner: Callable,
    read: Callable[[int], np.ndarray],
    count: int,
    tell: Callable[[int, int], None] = lambda done, of: None,
    store: ChunkStore | None = None,
    executor=None,
) -> SectionPairs:
    """Register each section with those that follow it; five of them are in memory at a time.

    Args:
        aligner: without arguments; gives the `udl_tf.alignment.aligner.Aligner` that is asked where sections lie far from one
            another. It is called when it is needed.
        read: from a number to a section (height, width), all of one size; one that shows nothing is passed over.
        count: sections, two or more. tell: called with what is done and of how much.
        store: where pairs are kept, and found if they are there already; or None.
        executor: see `udl_tf.chunks.executors.open_executor`; where it is another process, `aligner` and `read` can be sent to
            it, as those of `section_readers`. None: here, one piece after the other.
    """
    pieces, executor = ranges(count, PIECE), executor or Here()

    def found(stage, function, part, near=None):
        told, known = Told(lambda done: tell(part * count + done, 2 * count)), {}
        task = PairTask(aligner, read, told, near)
        for (_, stop), piece in zip(pieces, run(stage, function, task, pieces, executor, store), strict=True):
            known |= _unpacked(piece)
            told(stop)
        return known

    near = found("neighbours", neighbours, 0)
    both = near | (found("further", further, 1, near) if count > 2 else {})
    known = {pair: both[pair] for k in range(count) for pair in ((k - apart, k) for apart in APART) if pair in both}
    size = np.shape(read(0))
    first, second = np.array(list(known)).T
    return SectionPairs(first, second, collected(list(known.values()), size, size))


def neighbours(task: PairTask, start: int, stop: int) -> dict[str, np.ndarray]:
    """Arrays of the pairs of some sections with the ones before them."""
    known = {}
    for number in range(max(start, 1), stop):
        known[number - 1, number] = _neighbours(task.aligner, task.pyramid(number - 1), task.pyramid(number))
        task.tell(number + 1)
    return _packed(known)


def further(task: PairTask, start: int, stop: int) -> dict[str, np.ndarray]:
    """Arrays of the pairs of some sections with those two before them, and three where it takes them."""
    known = {}
    for number in range(max(start, 2), stop):
        for apart in APART[1:number]:
            first = number - apart
            between = [task.near[k, k + 1] for k in range(first, number)]
            if apart == 2 or not all(map(_believed, between)):
                known[first, number] = _further(task.pyramid(first), task.pyramid(number), between)
        task.tell(number + 1)
    return _packed(known)


def _packed(pairs):
    """Arrays of {(first, second): (`Refined` or None, score)}."""
    found = [(one or NOTHING, one is not None, score) for one, score in pairs.values()]
    parts, known, score = zip(*found)
    fields = {field.name: np.array([getattr(one, field.name) for one in parts]) for field in dataclasses.fields(Refined)}
    return {**fields, "pair": np.array(list(pairs)), "known": np.array(known), "score": np.array(score)}


def _unpacked(piece):
    """What `_packed` was given."""
    pairs, known, score = piece["pair"].tolist(), piece["known"], piece["score"].tolist()
    rows = ({field.name: piece[field.name][row] for field in dataclasses.fields(Refined)} for row in range(len(pairs)))
    return {tuple(pair): (Refined(**one) if known[row] else None, score[row]) for row, (pair, one) in enumerate(zip(pairs, rows))}


def _pyramid(section, number):
    """None for a section that shows nothing."""
    try:
        return Pyramid(section, f"section {number + 1}")
    except InputError:
        if min(section.shape) < 16 or section.ndim != 2:
            raise
        return None


def _neighbours(aligner, fixed, moving):
    """(`Refined` or None, score) of two sections that lie side by side."""
    if fixed is None or moving is None:
        return None, 0.0
    found = judged(refine(fixed, moving, 0.0, np.zeros(2)), 1.0)
    if _believed(found):
        return found
    asked = register_pyramids(aligner(), [fixed], [moving])
    if asked.score[0] <= found[1]:
        return found
    return judged(refine(fixed, moving, float(asked.angle[0]), asked.shift[0]), float(asked.score[0]))


def _further(fixed, moving, steps):
    """The same of two sections with others between them, whose steps are known or not."""
    if fixed is None or moving is None:
        return None, 0.0
    first = first_level(fixed, moving)
    guess, sure = (0.0, np.zeros(2)), all(map(_believed, steps))
    for one, _ in steps if sure else []:
        guess = frames.compose((one.angle, one.shift), guess)
    level = min(first, 1)
    return judged(refine(fixed, moving, *guess, first=level if sure else first, last=level), 1.0)


def _believed(found):
    return found[0] is not None and found[1] >= DOUBTFUL

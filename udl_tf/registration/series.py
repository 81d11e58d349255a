"""A series of pictures, a movie or sections in depth: pairs at several distances, synchronised, so that errors do not add up.

Neighbours are proposed by the aligner. Pictures two and three apart, and then those 8, 64 and 512 apart, and twice and three
times that, begin from what is known already. All of them together give the poses.
"""

import collections
import dataclasses
from collections.abc import Callable

import numpy as np

from pipelines.errors import InputError
from pipelines.geometry import frames
from udl_tf.registration.pairs import collected, judged, register_pyramids
from udl_tf.registration.pyramid import Pyramid
from udl_tf.registration.refinement import first_level, refine
from udl_tf.registration.result import Registration
from udl_tf.registration.synchronisation import Poses, synchronise

APART = (1, 2, 3)  # pictures of a pair, times each of the strides
STRIDES = (1, 8, 64, 512)
CHUNK = 16  # neighbours that are proposed at a time
MEMORY = 4e8  # bytes, about, of pyramids that are kept
SURE = 0.5  # a picture none of whose pairs has this score, agreeing with the others, could not be placed


@dataclasses.dataclass(frozen=True)
class Series:
    """The registration of n pictures.

    Attributes:
        poses: `Poses`. score: (n,), the best of each picture's pairs, less where these contradict the others.
        correlation: (n,) with the picture before it; the first one's is that of the second.
        pairs: number of pairs compared. failed: indices of pictures that none of their pairs could place: they were given the
            pose of their neighbours.
    """

    poses: Poses
    score: np.ndarray
    correlation: np.ndarray
    pairs: int
    failed: np.ndarray


def register_series(
    aligner,
    read: Callable[[int], np.ndarray],
    count: int,
    anchor: int | None = 0,
    neighbours_only: bool = False,
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> Series:
    """Poses that bring the pictures of a series into one frame.

    Args:
        aligner: `udl_tf.alignment.aligner.Aligner`. read: from an index to a picture (height, width), all of one size; a blank
            one is passed over.
        count: pictures. anchor: see `synchronise`. neighbours_only: each picture against the one before it, and no others.
        tell: called with the pairs done and the pairs there are.

    Raises:
        InputError: fewer than two pictures.
    """
    if count < 2:
        raise InputError(f"a series of {count} pictures: expected two or more")
    kept = _Kept(read)
    near, *far = pairs_of(count, (1,) if neighbours_only else APART, (1,) if neighbours_only else STRIDES)
    total = len(near) + sum(map(len, far))
    chosen, found, steps = [], [], {}
    for start in range(0, count - 1, kept.chunk):
        stop = min(start + kept.chunk, count - 1)
        result = _proposed(aligner, kept, start, stop)
        for k, i in enumerate(range(start, stop)):
            steps[i] = result.angle[k], result.shift[k]
        chosen += [(i, i + 1) for i in range(start, stop)]
        found.append(result)
        for first, second in (pair for pair in near if start < pair[1] <= stop and pair[1] - pair[0] > 1):
            guess = steps[first]
            for i in range(first + 1, second):
                guess = frames.compose(steps[i], guess)
            chosen.append((first, second))
            found.append(_compared(kept, first, second, guess, 0))
        tell(len(chosen), total)
    for level in far:
        poses = _poses(chosen, found, count, 0)
        for first, second in level:
            back = frames.inverse(poses.angle[first], poses.shift[first])
            chosen.append((first, second))
            found.append(_compared(kept, first, second, frames.compose((poses.angle[second], poses.shift[second]), back), 1))
            tell(len(chosen), total)
    return _told(chosen, Registration.joined(found), _poses(chosen, found, count, anchor), count)


def pairs_of(count: int, apart: tuple[int, ...] = APART, strides: tuple[int, ...] = STRIDES) -> list[list[tuple[int, int]]]:
    """Pairs (first, second) of a series of `count`, a list for each stride: of its multiples those 1, 2 ... strides apart."""
    return [[(i, i + stride * k) for i in range(0, count, stride) for k in apart if i + stride * k < count] for stride in strides]


class _Kept:
    """The pyramids used last, by index; None for a picture that shows nothing."""

    def __init__(self, read):
        self._read, self._pyramids = read, collections.OrderedDict()
        each = np.prod(np.shape(read(0)), dtype=np.float64) * 8.0
        self.chunk = int(np.clip(MEMORY // each - max(APART) - 1, 1, CHUNK))

    def __getitem__(self, index):
        if index not in self._pyramids:
            try:
                self._pyramids[index] = Pyramid(self._read(index), f"picture {index + 1}")
            except InputError:
                self._pyramids[index] = None
        self._pyramids.move_to_end(index)
        while len(self._pyramids) > self.chunk + max(APART) + 1:
            self._pyramids.popitem(last=False)
        return self._pyramids[index]

    @property
    def size(self):
        """(height, width) of the pictures."""
        return np.shape(self._read(0))


def _proposed(aligner, kept, start, stop):
    """`Registration` of the neighbours from `start` to `stop`."""
    rows = [i for i in range(start, stop) if kept[i] is not None and kept[i + 1] is not None]
    size = kept.size
    empty = collected([(None, 0.0)], size, size)
    if not rows:
        return Registration.joined([empty] * (stop - start))
    found = register_pyramids(aligner, [kept[i] for i in rows], [kept[i + 1] for i in rows])
    return Registration.joined([found[rows.index(i)] if i in rows else empty for i in range(start, stop)])


def _compared(kept, first, second, guess, levels):
    """`Registration` of one pair that begins with a guess, `levels` above full resolution."""
    fixed, moving = kept[first], kept[second]
    if fixed is None or moving is None:
        return collected([(None, 0.0)], kept.size, kept.size)
    refined = refine(fixed, moving, *guess, first=min(levels, first_level(fixed, moving)))
    return collected([judged(refined, 1.0)], fixed.size, moving.size)


def _poses(chosen, found, count, anchor):
    pairs, result = np.array(chosen), Registration.joined(found)
    sigma = np.stack([result.angle_sigma, np.sqrt(np.square(result.shift_sigma).mean(1))], 1)
    return synchronise(pairs[:, 0], pairs[:, 1], result.angle, result.shift, sigma, result.score, count, anchor)


def _told(chosen, result, poses, count):
    pairs = np.array(chosen)
    say = result.score * poses.agreement
    score, correlation = np.zeros(count), np.zeros(count)
    for side in (0, 1):
        np.maximum.at(score, pairs[:, side], say)
    near = pairs[:, 1] - pairs[:, 0] == 1
    correlation[pairs[near, 1]] = result.correlation[near]
    correlation[0] = correlation[1]
    return Series(poses, score, correlation, len(pairs), np.flatnonzero(score < SURE))

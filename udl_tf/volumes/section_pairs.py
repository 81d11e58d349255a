"""Pairs of sections that lie side by side, two apart, and three: what brings the second onto the first.

Neighbours are compared at the sections' own resolution, from where they are; where that is not believed, an aligner proposes.
Sections further apart begin from what their neighbours said, and are compared at half the resolution: they are there to outvote.
Those three apart are looked at where a section between them is not believed.
"""

import collections
import dataclasses
from collections.abc import Callable

import numpy as np

from pipelines.errors import InputError
from pipelines.geometry import frames
from udl_tf.registration.pairs import DOUBTFUL, collected, judged, register_pyramids
from udl_tf.registration.pyramid import Pyramid
from udl_tf.registration.refinement import first_level, refine
from udl_tf.registration.result import Registration

APART = (1, 2, 3)


@dataclasses.dataclass(frozen=True)
class SectionPairs:
    """Registered pairs of a volume.

    Attributes:
        first, second: (pairs,) numbers of sections from 0. registration: of `second` onto `first`.
    """

    first: np.ndarray
    second: np.ndarray
    registration: Registration


def compare_sections(
    aligner: Callable,
    read: Callable[[int], np.ndarray],
    count: int,
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> SectionPairs:
    """Register each section with those that follow it; four of them are in memory at a time.

    Args:
        aligner: without arguments; gives the `udl_tf.alignment.aligner.Aligner` that is asked where sections lie far from one
            another. It is called when it is needed.
        read: from a number to a section (height, width), all of one size; one that shows nothing is passed over.
        count: sections, two or more. tell: called with the sections done and their count.
    """
    window = collections.deque(maxlen=max(APART) + 1)
    steps, pairs, found = {}, [], []
    for number in range(count):
        window.append(_pyramid(read(number), number))
        for apart in APART[: len(window) - 1]:
            fixed, moving = window[-1 - apart], window[-1]
            if apart == 1:
                one = steps[number - 1] = _neighbours(aligner, fixed, moving)
            else:
                between = [steps[k] for k in range(number - apart, number)]
                if apart > 2 and all(map(_believed, between)):
                    continue
                one = _further(fixed, moving, between)
            pairs.append((number - apart, number))
            found.append(one)
        tell(number + 1, count)
    size = np.shape(read(0))
    first, second = np.array(pairs).T
    return SectionPairs(first, second, collected(found, size, size))


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

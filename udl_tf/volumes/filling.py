"""Sections made anew from the good ones around them; all others are left alone."""

import dataclasses
from collections.abc import Callable

import numpy as np

from pipelines.errors import InputError
from udl_tf.volumes.between import Between, Trust, between, learn_trust

LEARNED = 8  # good sections that are made again, to know how far off the others may be
EDGE = 8  # pixels at the border that are not learned from


@dataclasses.dataclass(frozen=True)
class Filled:
    """A section that was made.

    Attributes:
        section, sigma: float32 (height, width), values and their standard errors.
        before, after: numbers from 0 of the sections that it was made of; one of them None at an end of the volume.
    """

    section: np.ndarray
    sigma: np.ndarray
    before: int | None
    after: int | None


class Filling:
    """Makes the sections of a volume that are not good.

    Args:
        read: from a number to a section (height, width). count: sections. wanted: numbers from 0 of those to be made.
        method: from two sections and how far along it lies (in (0, 1)) to a `Between`.

    Raises:
        InputError: no section is left to make others of.
    """

    def __init__(self, read: Callable, count: int, wanted, method: Callable[..., Between] = between):
        self._read, self._method = read, method
        self._good = np.setdiff1d(np.arange(count), wanted)
        if len(self._good) < 1:
            raise InputError(f"all {count} sections are to be made: expected one good section at least")
        self._trust = {}

    def make(self, number: int) -> Filled:
        """One of the wanted sections."""
        before, after = self._around(number)
        if before is None or after is None:
            made = Between(np.float32(self._read(after if before is None else before)), np.zeros(1, np.float32))
            return Filled(made.section, self._copied(made.section), before, after)
        made = self._method(self._read(before), self._read(after), (number - before) / (after - before))
        sigma = self._trust_of(after - before).sigma(made.difference)
        return Filled(made.section, np.float32(sigma), before, after)

    def _around(self, number):
        place = int(np.searchsorted(self._good, number))
        before = int(self._good[place - 1]) if place else None
        return before, int(self._good[place]) if place < len(self._good) else None

    def _trust_of(self, apart):
        """`Trust` in the middle of two sections that lie `apart`, learned once for each distance."""
        if apart not in self._trust:
            half, good = apart // 2, set(self._good.tolist())
            known = [k for k in self._good.tolist() if k - half in good and k - half + apart in good]
            chosen = [known[i] for i in np.unique(np.linspace(0, len(known) - 1, LEARNED).astype(int))] if known else []
            made, truth = [], []
            for k in chosen:
                one = self._method(self._read(k - half), self._read(k - half + apart), half / apart)
                inner = tuple(slice(EDGE, -EDGE) if min(one.section.shape) > 4 * EDGE else slice(None) for _ in range(2))
                made.append(Between(one.section[inner], one.difference[inner]))
                truth.append(self._read(k)[inner])
            self._trust[apart] = learn_trust(made, truth) if made else Trust(0.0, 1.0)
        return self._trust[apart]

    def _copied(self, section):
        """Of a copy: how much neighbours differ from one another."""
        pairs = [(a, b) for a, b in zip(self._good, self._good[1:]) if b == a + 1][:LEARNED]
        changes = [np.square(np.float32(self._read(a)) - np.float32(self._read(b))).mean() for a, b in pairs]
        return np.full(section.shape, np.sqrt(np.mean(changes)) if changes else section.std(), np.float32)

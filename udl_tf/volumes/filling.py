"""Sections made anew from the good ones around them; all others are left alone."""

import dataclasses
from collections.abc import Callable

import numpy as np

from pipelines.errors import InputError
from udl_tf.volumes.between import Between, Trust, between, learn_trust
from udl_tf.volumes.weights import learn_weights

METHODS = {"flow": False, "linear": True}  # whether the mixture along the flow is followed by weights learned from the volume
LEARNED = 12  # good sections that are made again, to learn from
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
        method: one of `METHODS`. learn_from: numbers that may be learned from, by default all that are not wanted.

    Raises:
        InputError: no section is left to make others of.
    """

    def __init__(self, read: Callable, count: int, wanted, method: str = "flow", learn_from=None):
        self._read, self._weighted = read, METHODS[method]
        good = np.setdiff1d(np.arange(count), wanted)
        if len(good) < 1:
            raise InputError(f"all {count} sections are to be made: expected one good section at least")
        self._good, self._known = good, set(good.tolist())
        self._learn_from = sorted(self._known if learn_from is None else self._known & set(learn_from))
        self._learned = {}

    def make(self, number: int) -> Filled:
        """One of the wanted sections."""
        before, after = self._around(number)
        if before is None or after is None:
            copied = np.float32(self._read(after if before is None else before))
            return Filled(copied, np.full(copied.shape, self._change(), np.float32), before, after)
        outer = self._has_outer(number)
        weights, trust = self._model(after - before, outer)
        made = self._predicted(number, before, after, outer, weights)
        return Filled(made.section, np.float32(trust.sigma(made.difference)), before, after)

    def again(self, number: int) -> Between:
        """A good section between two good ones made anew, to see how near it comes."""
        outer = self._has_outer(number)
        return self._predicted(number, number - 1, number + 1, outer, self._model(2, outer)[0])

    def _around(self, number):
        place = int(np.searchsorted(self._good, number))
        before = int(self._good[place - 1]) if place else None
        return before, int(self._good[place]) if place < len(self._good) else None

    def _has_outer(self, number):
        """Whether the four sections around are there, and known: only then weights of three images are used."""
        return {number - 2, number - 1, number + 1, number + 2} <= self._known

    def _images(self, number, before, after, outer):
        """(images float32 that tell of a section, the `Between` of its neighbours)."""
        first, second = (np.float32(self._read(k)) for k in (before, after))
        mixture = between(first, second, (number - before) / (after - before))
        images = [(first + second) / 2, mixture.section]
        if outer:
            images.append((np.float32(self._read(number - 2)) + np.float32(self._read(number + 2))) / 2)
        return images, mixture

    def _predicted(self, number, before, after, outer, weights):
        images, mixture = self._images(number, before, after, outer)
        return mixture if weights is None else Between(weights.mixed(images), mixture.difference)

    def _model(self, apart, outer):
        """(`Weights` or None, `Trust`) for two sections that lie `apart`; learned once for each distance."""
        outer = outer and apart == 2
        if (apart, outer) not in self._learned:
            self._learned[apart, outer] = self._learn(apart, outer)
        return self._learned[apart, outer]

    def _learn(self, apart, outer):
        half, allowed = apart // 2, set(self._learn_from)
        ends = {number: (number - half, number - half + apart) for number in self._learn_from}
        known = [k for k, pair in ends.items() if set(pair) <= allowed and (not outer or {k - 2, k + 2} <= allowed)]
        if not known:
            return None, Trust(0.0, 1.0)
        chosen = [known[i] for i in np.unique(np.linspace(0, len(known) - 1, LEARNED).astype(int))]
        told = [self._images(k, *ends[k], outer) for k in chosen]
        truth = [np.float32(self._read(k)) for k in chosen]
        weights = None
        if self._weighted and apart == 2:
            weights = learn_weights([(images, section) for (images, _), section in zip(told, truth)])
        made = [mixture.section if weights is None else weights.mixed(images) for images, mixture in told]
        inner = tuple(slice(EDGE, -EDGE) if side > 4 * EDGE else slice(None) for side in truth[0].shape)
        parts = [Between(one[inner], mixture.difference[inner]) for one, (_, mixture) in zip(made, told)]
        return weights, learn_trust(parts, [section[inner] for section in truth])

    def _change(self):
        """How much neighbours differ: the standard error of a copy."""
        pairs = [(a, b) for a, b in zip(self._good, self._good[1:]) if b == a + 1][:LEARNED]
        changes = [np.square(np.float32(self._read(a)) - np.float32(self._read(b))).mean() for a, b in pairs]
        return float(np.sqrt(np.mean(changes))) if changes else float(np.std(self._read(self._good[0])))

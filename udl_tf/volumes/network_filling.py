"""Sections made anew by a network where all that it sees is good; as in `filling` where it is not."""

from collections.abc import Callable

import numpy as np

from udl_tf.volumes.between import Between, Trust, between, learn_trust
from udl_tf.volumes.filling import EDGE, LEARNED, Filled, Filling
from udl_tf.volumes.section_network import SectionNetwork


class NetworkFilling:
    """Makes the sections of a volume that are not good.

    Args:
        network: the network. read, count, wanted, method: see `Filling`; the method is for sections that the network cannot make.
    """

    def __init__(self, network: SectionNetwork, read: Callable, count: int, wanted, method: str = "flow"):
        self._network, self._read = network, read
        self._otherwise = Filling(read, count, wanted, method)
        self._good = set(range(count)) - set(wanted)
        self._trust = None

    def make(self, number: int) -> Filled:
        """One of the wanted sections."""
        if not self._makes(number):
            return self._otherwise.make(number)
        made = self.again(number)
        self._trust = self._trust or self._learn()
        return Filled(made.section, np.float32(self._trust.sigma(made.difference)), number - 1, number + 1)

    def again(self, number: int) -> Between:
        """A section as the network makes it, and how both neighbours differ once they are brought together."""
        section = self._network.made([self._read(k) for k in self._network.around(number)])
        return Between(section, between(self._read(number - 1), self._read(number + 1)).difference)

    def _makes(self, number):
        return set(self._network.around(number)) <= self._good

    def _learn(self):
        """How far to trust it, from good sections that it makes again."""
        known = [number for number in sorted(self._good) if self._makes(number)]
        if not known:
            return Trust(0.0, 1.0)
        chosen = [known[i] for i in np.unique(np.linspace(0, len(known) - 1, LEARNED).astype(int))]
        made, truth = [self.again(k) for k in chosen], [np.float32(self._read(k)) for k in chosen]
        inner = tuple(slice(EDGE, -EDGE) if side > 4 * EDGE else slice(None) for side in truth[0].shape)
        parts = [Between(one.section[inner], one.difference[inner]) for one in made]
        return learn_trust(parts, [section[inner] for section in truth])

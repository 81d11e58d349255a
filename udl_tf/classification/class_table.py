"""What is known of the particles and the classes of a stack."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class ClassTable:
    """Particles (n) and classes (k).

    Attributes:
        label: (n,) class from 0. psi: (n,) degrees, offset: (n, 2) pixels, of RELION. evidence: (n,) nats above noise alone.
        probability: (n,) of the class. usable: bool (n,). junk: bool (n,), told to be junk.
        averages: (k, box, box). resolution: (k,) Angstrom, or pixels. curves: (k, rings), ring correlation of the halves.
        junk_class: bool (k,). threshold: nats, what noise alone gains at most.
        confusion: (k, k), mean probability of each class (columns) of the members of each (rows), before they were refined.
        sigma: (n,) degrees, standard error of psi, infinite where it is not known; None where classes were not refined.
    """

    label: np.ndarray
    psi: np.ndarray
    offset: np.ndarray
    evidence: np.ndarray
    probability: np.ndarray
    usable: np.ndarray
    junk: np.ndarray
    averages: np.ndarray
    resolution: np.ndarray
    curves: np.ndarray
    junk_class: np.ndarray
    threshold: float
    confusion: np.ndarray
    sigma: np.ndarray | None = None

    @property
    def counts(self):
        """Particles (k,) of each class, without those told to be junk (in a class of junk: all)."""
        inside = self.usable & (~self.junk | self.junk_class[self.label])
        return np.bincount(self.label[inside], minlength=len(self.averages))

    @property
    def junk_score(self):
        """(n,), larger is more like junk: little evidence, of the particle and of its class."""
        members = np.maximum(np.bincount(self.label, minlength=len(self.averages)), 1)
        mean = np.bincount(self.label, self.evidence, len(self.averages)) / members
        return -(self.evidence + mean[self.label])

    def accuracy(self, number):
        """Median standard error of psi of a class's particles, degrees; None where it is not known."""
        if self.sigma is None:
            return None
        known = self.sigma[(self.label == number) & np.isfinite(self.sigma)]
        return float(np.median(known)) if known.size else None

    def order(self):
        """Classes that have members, from the largest to the smallest, those of junk at the end."""
        order = np.lexsort((-self.counts, self.junk_class))
        return order[np.isin(order, self.label[self.usable])]

    def ordered(self, order):
        """The same with the classes in this order; those that are not named have no members."""
        place = np.zeros(len(self.averages), int)
        place[order] = np.arange(len(order))
        parts = {name: getattr(self, name)[order] for name in ("averages", "resolution", "curves", "junk_class")}
        confusion = self.confusion[np.ix_(order, order)]
        return dataclasses.replace(self, label=place[self.label], confusion=confusion, **parts)

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

    def by_size(self):
        """The same, with classes from the largest to the smallest, and those of junk at the end."""
        order = np.lexsort((-self.counts, self.junk_class))
        place = np.argsort(order)
        parts = {name: getattr(self, name)[order] for name in ("averages", "resolution", "curves", "junk_class")}
        return dataclasses.replace(self, label=place[self.label], **parts)

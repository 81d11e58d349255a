"""All that the report of a stack alignment shows: plain NumPy and strings, no files and no models."""

import dataclasses

import numpy as np

from pipelines.errors import InputError

PER_PARTICLE = ("angle", "shift", "score", "sigma", "weight", "usable")


@dataclasses.dataclass(frozen=True)
class Story:
    """What happened to a stack of n particles of h x w pixels. Particles are rows counted from 0; the page counts from 1.

    Attributes:
        title: one line. command: the command line. versions: name -> version. seconds: of the whole run.
        source: what was aligned. model: which network. box: pixels. pixel_size: Angstrom per pixel, or None.
        ctf: one sentence, what was corrected. reference: ``average of the particles``, or a file.
        averages: (label, image (h, w)) before alignment, after each round, and at the end.
        halves: (2, h, w), unfiltered averages of the half-sets, or None. mask_radius: pixels.
        angle: (n,) degrees. shift: (n, 2) pixels. score: (n,). sigma: (n,) degrees.
        weight: (n,), 0 to 1, in the average; 0 is left out. usable: (n,) bool, False for images that hold NaN or are constant.
        similarity: (n,), see `measures.correntropy`, or None.
        best, worst: (row, score, aligned image (h, w)) of a few particles, see `best_and_worst`.
        changes: median absolute change of the angle in each round, degrees. rates: particles per second of each round.
        notes: one sentence each.
    """

    title: str
    command: str
    versions: dict
    seconds: float
    source: str
    model: str
    box: int
    pixel_size: float | None
    ctf: str
    reference: str
    averages: list
    halves: np.ndarray | None
    mask_radius: float
    angle: np.ndarray
    shift: np.ndarray
    score: np.ndarray
    sigma: np.ndarray
    weight: np.ndarray
    usable: np.ndarray
    similarity: np.ndarray | None = None
    best: list = dataclasses.field(default_factory=list)
    worst: list = dataclasses.field(default_factory=list)
    changes: list = dataclasses.field(default_factory=list)
    rates: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)

    def __post_init__(self):
        """Arrays that do not belong together are found here, not in the middle of a page."""
        count = len(self.angle)
        for name in PER_PARTICLE + (("similarity",) if self.similarity is not None else ()):
            expected, got = ((count, 2) if name == "shift" else (count,)), np.shape(getattr(self, name))
            if got != expected:
                raise InputError(f"report: {name} has shape {got}, expected {expected}")
        if self.halves is not None and np.shape(self.halves) != (2, self.box, self.box):
            raise InputError(f"report: half-set averages {np.shape(self.halves)}, expected {(2, self.box, self.box)}")

    @property
    def included(self):
        """Particles that are in the average: bool (n,)."""
        return np.asarray(self.usable, bool) & (np.asarray(self.weight) > 0)


def best_and_worst(score, usable, count=16):
    """Rows of the `count` particles with the highest score, best first, and of those with the lowest, worst first.

    No row is in both: of a small stack all are among the best, and few or none are left to be the worst.
    Images that are not usable are in neither.
    """
    rows = np.flatnonzero(usable)
    order = rows[np.argsort(-np.asarray(score)[rows], kind="stable")]
    return order[:count], order[max(count, len(order) - count) :][::-1]

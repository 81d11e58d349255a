"""All that the report of a stack alignment shows: plain NumPy and strings, no files and no models."""

import dataclasses

import numpy as np

from pipelines.errors import InputError
from udl_tf.particles.alignment import StackAlignment


@dataclasses.dataclass(frozen=True)
class ReportContent:
    """What happened to a stack of n particles. Particles are rows counted from 0; the page counts from 1.

    Attributes:
        title: one line. command: the command line. versions: name -> version. seconds: of the whole run.
        source: what was aligned. model: which network.
        ctf: one sentence, what was corrected. reference: ``average of the particles``, or a file. mask_radius: pixels.
        alignment: of the whole file, row by row.
        similarity: (n,), see `measures.correntropy`, or None.
        best, worst: (row, score, aligned image (box, box)) of a few particles, see `gallery.best_and_worst`.
        notes: sentences besides those of the alignment.
    """

    title: str
    command: str
    versions: dict
    seconds: float
    source: str
    model: str
    ctf: str
    reference: str
    mask_radius: float
    alignment: StackAlignment
    similarity: np.ndarray | None = None
    best: list = dataclasses.field(default_factory=list)
    worst: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)

    def __post_init__(self):
        """Arrays that do not belong together are found here, not in the middle of a page."""
        count = len(self.particles.rows)
        if self.similarity is not None and np.shape(self.similarity) != (count,):
            raise InputError(f"report: similarity has shape {np.shape(self.similarity)}, expected {(count,)}")
        for view, found in self.alignment.averages.items():
            if np.shape(found.halves) != (2, *np.shape(found.average)):
                raise InputError(f"report: half-set averages {np.shape(found.halves)} of view {view + 1}, expected (2, box, box)")

    @property
    def particles(self):
        """The table of particles."""
        return self.alignment.particles

    @property
    def pixel_size(self):
        """Angstrom, or None."""
        return self.alignment.pixel_size

    @property
    def box(self):
        """Side of the images, pixels."""
        return next(iter(self.alignment.averages.values())).average.shape[0]

    @property
    def several(self):
        """Whether the stack has more than one view."""
        return len(self.alignment.averages) > 1

"""An aligned stack: its particles, its averages, and how they came about."""

import dataclasses

from udl_tf.alignment import outputs
from udl_tf.alignment.result import Result
from udl_tf.particles.measures import crossing
from udl_tf.particles.table import LEFT_OUT, ParticleTable


@dataclasses.dataclass
class StackAlignment:
    """What an alignment found. It grows from pass to pass.

    Attributes:
        particles: poses, scores, weights. pixel_size: Angstrom, None if not known.
        averages: view -> `references.ViewAverage`, at these poses.
        snapshots: (label, view -> average (box, box)) on the way.
        changes, rates: median change of the angle, degrees, and particles per second, in each round of refinement.
        notes: sentences for people.
    """

    particles: ParticleTable
    pixel_size: float | None = None
    averages: dict = dataclasses.field(default_factory=dict)
    snapshots: list = dataclasses.field(default_factory=list)
    changes: list = dataclasses.field(default_factory=list)
    rates: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)

    def snapshot(self, label):
        """Remember the averages as they are."""
        self.snapshots.append((label, {view: found.average for view, found in self.averages.items()}))

    def note(self, view, sentence):
        """Add a sentence on a view, which is named where there are several."""
        several = len(self.particles.views) > 1
        self.notes.append(f"View {view + 1}: {sentence}" if several else sentence)

    def resolution(self, view):
        """Where the ring correlation of a view's half-sets falls below 0.143, Angstrom or pixels, see `measures.crossing`."""
        found = self.averages[view]
        return crossing(found.frc, 0.143, found.average.shape[0], self.pixel_size)

    def result(self):
        """`Result` of all particles in the order of the table: what is missing of images that cannot be used or have no view."""
        table = self.particles
        return Result(**outputs.typed(outputs.filled(vars(table), table.usable & (table.view != LEFT_OUT))))

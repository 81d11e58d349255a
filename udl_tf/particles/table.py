"""What is known of each particle of a stack: one row each."""

import dataclasses

import numpy as np

from pipelines.errors import InputError
from udl_tf.particles.averaging import HALVES

LEFT_OUT = -1  # the view of particles that belong to none


@dataclasses.dataclass
class ParticleTable:
    """Particles and their poses; the passes over the stack change it.

    Attributes:
        rows: (n,), in the file. view: int32 (n,), from 0; -1: left out. half: int32 (n,), half-set 0 or 1 of the view.
        angle (n,) degrees, shift (n, 2) pixels: bring particles onto their view's average, or onto the reference.
        score: (n,), see `scores.score`. sigma: (n,) degrees, standard error of the angle. symmetry: int32 (n,).
        weight: (n,) in the next averages, 0 or 1. in_average: (n,), weight in those that particles are compared with.
        usable: bool (n,), False for images that are constant or not finite.
    """

    rows: np.ndarray
    view: np.ndarray
    half: np.ndarray
    angle: np.ndarray
    shift: np.ndarray
    score: np.ndarray
    sigma: np.ndarray
    symmetry: np.ndarray
    weight: np.ndarray
    in_average: np.ndarray
    usable: np.ndarray

    def __post_init__(self):
        """Arrays that do not belong together are found here, not hours later."""
        count = len(self.rows)
        for field in dataclasses.fields(self):
            expected, got = ((count, 2) if field.name == "shift" else (count,)), np.shape(getattr(self, field.name))
            if got != expected:
                raise InputError(f"particles: {field.name} has shape {got}, expected {expected}")

    @classmethod
    def of(cls, rows, view=None, angle=0.0, shift=0.0, half=None):
        """Particles of these rows; of one view 0 where views are not known.

        angle (n,) degrees, shift (n, 2) pixels: if they are known. half: default: the particles of each view take turns.
        """
        n = len(rows)
        view = np.zeros(n, np.int32) if view is None else np.asarray(view, np.int32)
        return cls(
            rows=np.asarray(rows),
            view=view,
            half=halves(view) if half is None else np.asarray(half, np.int32),
            angle=np.full(n, angle, np.float32),
            shift=np.full((n, 2), shift, np.float32),
            score=np.zeros(n),
            sigma=np.full(n, np.inf),
            symmetry=np.ones(n, np.int32),
            weight=np.ones(n, np.float32),
            in_average=np.zeros(n, np.float32),
            usable=np.ones(n, bool),
        )

    @property
    def views(self):
        """The views that have particles, in order."""
        return [int(view) for view in np.unique(self.view) if view != LEFT_OUT]

    @property
    def included(self):
        """Particles that belong into an average: bool (n,)."""
        return self.usable & (self.weight > 0) & (self.view != LEFT_OUT)

    def members(self, view):
        """Places (m,) of the particles of a view."""
        return np.flatnonzero(self.view == view)

    def take(self, places):
        """A table of its own of the particles at these places."""
        return ParticleTable(**{field.name: getattr(self, field.name)[places] for field in dataclasses.fields(self)})

    def put(self, places, other, names):
        """Columns of another table for the particles at these places."""
        for name in names:
            getattr(self, name)[places] = getattr(other, name)


def halves(view):
    """Half-set int32 (n,): the particles of each view take turns, so that both halves of every view are equally large."""
    found = np.zeros(len(view), np.int32)
    for one in np.unique(view):
        members = np.flatnonzero(view == one)
        found[members] = np.arange(len(members)) % HALVES
    return found

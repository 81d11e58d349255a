"""Particles of a stack on the polar grid of frequencies."""

import dataclasses

import numpy as np

from udl_tf.views.polar_grid import PolarGrid

BATCH = 1024


@dataclasses.dataclass(frozen=True, eq=False)
class PolarParticles:
    """Particles on a `PolarGrid`, held in memory.

    Attributes:
        grid: the grid. samples: complex64 (n, rings, half). ctf: float32 (n, rings), 1 where there is none.
        power: float32 (n, rings), mean |F|^2 of each ring.
    """

    grid: PolarGrid
    samples: np.ndarray
    ctf: np.ndarray
    power: np.ndarray

    def __len__(self):
        return len(self.samples)

    def harmonics(self, rows, offset, most, rings):
        """Coefficients (m, n, rings) of particles times their CTF, moved by offset (n, 2) pixels (None: not moved)."""
        half = self.samples[rows, :rings] * self.ctf[rows, :rings, None]
        if offset is not None:
            half = half * self.grid.phase(offset, self.grid.half)[:, :rings]
        return self.grid.harmonics(self.grid.whole(half), most)

    def take(self, rows):
        """Some of the particles."""
        return PolarParticles(self.grid, self.samples[rows], self.ctf[rows], self.power[rows])


def polar_particles(grid, images, ctf=None):
    """`PolarParticles` of images (n, box, box); ctf: (n, rings), or None."""
    samples = np.concatenate([grid.sample(images[start : start + BATCH]) for start in range(0, len(images), BATCH)])
    ctf = np.ones((len(images), grid.rings), np.float32) if ctf is None else np.asarray(ctf[:, : grid.rings], np.float32)
    return PolarParticles(grid, samples, ctf, np.square(np.abs(samples)).mean(-1))

"""The E step: how well every view, at every turn and shift, explains each particle.

    score(n, k, s, psi) = sum_r w_r Re <x_n, view k moved by s, turned by psi> - 1/2 sum_r c_n^2 |view k|^2 / noise_r

is the log-likelihood of the particle, less that of noise alone. The sum over the angle for all turns at once is a product of
small matrices for each angular frequency, then one matrix that takes angular frequencies to turns.
"""

import numpy as np

WORK = 0.8e6  # numbers in the table of scores of a batch: it should stay in the processor's cache
TURNS = (36, 48, 60, 72, 90, 120, 180)


class Matcher:
    """Views laid out for matrix products; particles of any number can then be compared with them.

    Args:
        grid: `polar_grid.PolarGrid`. views: `model.Views`. shifts: (s, 2) pixels, in the frame of the views.
        band: rings used.

    Attributes:
        rings, most: used, and the highest angular frequency. turns, columns: of the table of scores.
        product: (2, most + 1, 2 * rings, columns), real and imaginary part: particles to columns. back: (turns, 2 * (most + 1)),
            angular frequencies to turns. quadratic: (rings, k), what no pose changes, per squared CTF.
    """

    def __init__(self, grid, views, shifts, band):
        self.grid, self.views, self.shifts = grid, views, shifts
        self.rings = min(band, grid.rings)
        # What a particle of a third of the box can hold at this band.
        self.most = min(int(np.ceil(2.3 * self.rings)) + 3, grid.half)
        self.turns = next((t for t in TURNS if min(2 * self.most, grid.angles) <= t), grid.angles)
        self.columns = len(views) * len(shifts)
        self.back, self._forth = _tables(self.turns, self.most, grid.half)
        weight = grid.freedom[: self.rings] / grid.angles**2 / views.noise[: self.rings]
        moved = views.averages[:, None, : self.rings] * grid.phase(-shifts)[None, :, : self.rings]  # (k, s, rings, angles)
        t = grid.harmonics(moved * weight[:, None], self.most).reshape(self.most + 1, self.columns, self.rings)
        t = t.transpose(0, 2, 1)  # (m, rings, columns)
        # conj(t) x as products of real matrices: rows are real and imaginary parts of x.
        self.product = np.stack([np.concatenate([t.real, t.imag], 1), np.concatenate([-t.imag, t.real], 1)])
        power = np.square(np.abs(views.averages[:, : self.rings])).mean(-1)
        self.quadratic = (0.5 * grid.freedom[: self.rings] / views.noise[: self.rings] * power).T.astype(np.float32)
        self.batch = max(8, int(WORK / (self.turns * self.columns)))

    def scores(self, harmonics, ctf):
        """Scores (turns, n, columns) of particles; column k * shifts + s.

        Args:
            harmonics: (m, n, rings) as from `PolarParticles.harmonics`. ctf: (n, rings).
        """
        x = harmonics[: self.most + 1, :, : self.rings]
        parts = np.matmul(np.concatenate([x.real, x.imag], 2), self.product)  # (2, m, n, columns)
        table = self.back @ parts.reshape(2 * (self.most + 1), -1)
        table = table.reshape(self.turns, x.shape[1], self.columns)
        table -= np.repeat(np.square(ctf[:, : self.rings]) @ self.quadratic, len(self.shifts), 1)
        return table

    def forward(self, weights):
        """Angular frequencies (m, n) of weights (turns, n) over the turns, conjugated."""
        parts = self._forth @ weights
        return parts[: self.most + 1] - 1j * parts[self.most + 1 :]

    def psi(self, line):
        """RELION's psi (n,) of the highest turn of scores (turns, n), between turns by a parabola: it turns the other way."""
        rows = np.arange(line.shape[1])
        top = line.argmax(0)
        left, middle, right = line[top - 1, rows], line[top, rows], line[(top + 1) % self.turns, rows]
        step = np.clip(0.5 * (left - right) / np.minimum(left - 2 * middle + right, -1e-6), -0.5, 0.5)
        return -(top + step) * (360.0 / self.turns)


def _tables(turns, most, half):
    """Matrices angular frequencies -> turns (turns, 2 * (most + 1)) and back (2 * (most + 1), turns)."""
    m = np.arange(most + 1)
    angle = 2 * np.pi * np.outer(np.arange(turns), m) / turns
    twice = np.where((m == 0) | (m == half), 1.0, 2.0)
    back = np.concatenate([np.cos(angle) * twice, -np.sin(angle) * twice], 1)
    forth = np.concatenate([np.cos(angle), -np.sin(angle)], 1).T
    return back.astype(np.float32), np.ascontiguousarray(forth, np.float32)

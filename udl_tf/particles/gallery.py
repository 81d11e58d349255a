"""Aligned images of the best and the worst particles of a stack, and how alike each particle is to the average."""

import numpy as np

from udl_tf.particles.measures import correntropy

SIMILARITIES = 20_000  # particles up to which each is compared with its average


class Gallery:
    """Collects images while the aligned stack is made.

    Attributes:
        similarity: (n,), see `measures.correntropy`, NaN where it is not known; None for large stacks.

    Args:
        alignment: `StackAlignment` of a whole file, row by row. mask: (box, box), of the averages. count: images of either kind.
    """

    def __init__(self, alignment, mask, count=16):
        self.alignment, self.mask = alignment, mask
        table = alignment.particles
        order = table.score - 1e-4 * np.minimum(table.sigma, 180.0)  # of equal scores the surer angle is better
        self.rows = best_and_worst(order, table.usable & (table.view >= 0), count)
        self.similarity = np.full(len(table.rows), np.nan) if len(table.rows) <= SIMILARITIES else None
        self._images = {}

    def add(self, rows, aligned):
        """Look at the aligned images (k, h, w) of rows, a slice."""
        if self.similarity is not None:
            view = self.alignment.particles.view[rows]
            for one, found in self.alignment.averages.items():
                places = np.flatnonzero(view == one)
                if len(places):
                    alike = correntropy(aligned[places], found.average, self.mask)
                    self.similarity[rows.start + places] = alike
        for row in np.concatenate(self.rows):
            if rows.start <= row < rows.stop:
                self._images[row] = aligned[row - rows.start].copy()

    def best_and_worst(self):
        """Two lists of (row, score, aligned image)."""
        score = self.alignment.particles.score
        return [[(int(row), float(score[row]), self._images[row]) for row in rows] for rows in self.rows]


def best_and_worst(score, usable, count=16):
    """Rows of the `count` particles with the highest score, best first, and of those with the lowest, worst first.

    No row is in both: of a small stack all are among the best, and few or none are left to be the worst.
    Images that are not usable are in neither.
    """
    rows = np.flatnonzero(usable)
    order = rows[np.argsort(-np.asarray(score)[rows], kind="stable")]
    return order[:count], order[max(count, len(order) - count) :][::-1]

"""Symmetry: does the pair agree as well after a further turn by 360 / m degrees?"""

import numpy as np
import tensorflow as tf

from pipelines.spectra import spectral_plane
from udl_tf.alignment.translation import ShiftSearch
from udl_tf.alignment.wiener import Rings

ORDERS = (2, 3, 4, 5, 6, 7, 8)
ALIKE = 0.75  # share of the evidence that must be left after each of the turns
NEAR = 0.4  # share of the evidence by which the best hypothesis may lead where there is symmetry
BAND = 12  # cycles per box: enough to tell eight corners from a disc


class Symmetry:
    """Finds the rotational symmetry of aligned pairs from their low frequencies.

    Args:
        box: image side, pixels. reach: largest shift between the images, pixels: the axis may lie anywhere.
    """

    def __init__(self, box, reach):
        self.search = ShiftSearch(box, BAND, reach)
        self.box = box
        points = self.search.points
        self.rings = Rings(np.linalg.norm(points, axis=1), spectral_plane.multiplicity(points, BAND), BAND + 1, 2.5)
        self.turns = np.array(sorted({360.0 * j / m for m in ORDERS for j in range(m)}), np.float32)
        steps = self.turns[None, :] * np.array(ORDERS)[:, None] / 360.0
        self.members = np.abs(steps - np.rint(steps)) < 1e-4  # (orders, turns)

    def __call__(self, fixed, moving, angle, lead, evidence):
        """The order m of each pair, int32 (batch,), 1 where there is no symmetry.

        Only pairs whose second best hypothesis comes near the best are looked at: where there is symmetry, it does.

        Args:
            fixed, moving: planes. angle (batch,) degrees, lead and evidence (batch,): see `verification.Verified`.
        """
        rows = tf.where(lead < NEAR * evidence)[:, 0]
        orders = self._orders(*(tf.gather(part, rows) for part in (fixed, moving, angle)))
        return tf.tensor_scatter_nd_update(tf.ones_like(angle, tf.int32), rows[:, None], orders)

    def _orders(self, fixed, moving, angle):
        count = len(self.turns)
        points = self.search.points
        still = spectral_plane.upright(fixed, points)
        target = tf.repeat(self.search.whitened(still), count, axis=0)
        angles = tf.reshape(angle[:, None] + self.turns, (-1,))
        turned = spectral_plane.turned(tf.repeat(moving, count, axis=0), angles, points)
        surface = self.search.surface(target, self.search.whitened(turned))
        shift, _ = self.search.best(surface, self.search.shifts[-1])
        moved = spectral_plane.moved(turned, shift, points, self.box)
        coherence, *_ = self.rings.coherence(tf.repeat(still, count, axis=0), moved)
        evidence = tf.reshape(self.rings.evidence(coherence), (-1, count))  # (batch, turns)
        alike = evidence >= ALIKE * evidence[:, :1]
        kept = tf.reduce_all(alike[:, None, :] | ~tf.constant(self.members), 2)  # (batch, orders)
        return tf.reduce_max(tf.where(kept, tf.constant(ORDERS), 1), 1)

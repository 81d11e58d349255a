"""pystackreg's RIGID_BODY (Thevenaz, Ruttimann and Unser) from 12 starts 30 degrees apart; the best correlation wins."""

import numpy as np
from pystackreg import StackReg

from pipelines.geometry import pixel_matrix
from udl_tf.rivals import pairwise

STARTS = np.arange(-180.0, 180.0, 30.0)  # degrees


def answer(problem, inputs):
    """See `registry.Rival`."""
    return pairwise.each(_align_pair, inputs["fixed"], inputs["moving"])


def _align_pair(fixed, moving):
    starts = [pixel_matrix.from_rigid(angle, np.zeros(2), len(fixed)) for angle in STARTS]
    found = pairwise.best(fixed, moving, [_from(start, fixed, moving) for start in starts])
    # Once more from where it ended: a start cuts off what it turns out of the frame, and this one cuts the right corners.
    angle, _ = pixel_matrix.to_rigid(found, len(fixed))
    return pairwise.best(fixed, moving, [found, _from(pixel_matrix.from_rigid(angle, np.zeros(2), len(fixed)), fixed, moving)])


def _from(start, fixed, moving):
    """The matrix (2, 3) that it finds after the moving image was turned by a start (2, 3)."""
    turned, _ = pairwise.warped(moving, start)
    found = StackReg(StackReg.RIGID_BODY).register(fixed, turned)  # (3, 3), fixed pixels to turned ones
    return np.vstack([start, [0.0, 0.0, 1.0]])[:2] @ found

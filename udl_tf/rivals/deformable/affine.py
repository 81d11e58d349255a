"""pystackreg's AFFINE (Thevenaz, Ruttimann and Unser): what a field gains over an affine map, it shows beside this one."""

import numpy as np
from pystackreg import StackReg

from pipelines import geometry
from udl_tf.rivals.deformable import pairwise


def answer(problem, inputs):
    """See `registry.Rival`."""
    return pairwise.each(_align_pair, inputs)


def _align_pair(fixed, moving):
    matrix = StackReg(StackReg.AFFINE).register(fixed, moving)  # (3, 3), fixed pixels to moving ones
    centre = (np.float64(fixed.shape[::-1]) - 1.0) / 2.0
    places = geometry.centred_grid(*fixed.shape).astype(np.float64) + centre
    return places @ matrix[:2, :2].T + matrix[:2, 2] - places

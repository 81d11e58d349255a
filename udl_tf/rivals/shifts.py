"""The shift of a method that finds the angle alone, by Fourier correlation (paper, section 3.2)."""

import functools

import numpy as np
import tensorflow as tf

from pipelines.geometry.transforms import Rigid
from pipelines.normalise import normalise
from pipelines.spectra import spectral_plane
from udl_tf.alignment.translation import ShiftSearch
from udl_tf.networks.window import soft_disc, windowed

HIGHEST = 16  # cycles per box
REACH = 0.25  # of the side, largest shift that is looked for
BATCH = 64


def given_angle(fixed, moving, angle, period=360.0):
    """The rigid transforms that bring moving onto fixed, of angles that are known modulo a period.

    Args:
        fixed, moving: (n, side, side). angle: (n,) degrees. period: 360, or 180: then the better correlation decides between the
            angle and its opposite.

    Returns:
        `Rigid`.
    """
    angle = np.asarray(angle, np.float32)
    turns = [angle + period * i for i in range(round(360.0 / period))]
    shift, value = (np.stack(parts) for parts in zip(*(_all(fixed, moving, turn) for turn in turns), strict=True))
    best, rows = value.argmax(0), np.arange(len(angle))
    return Rigid(np.stack(turns)[best, rows], shift[best, rows])


def _all(fixed, moving, angle):
    """Shift (n, 2) and correlation (n,) of all pairs."""
    search, found = _search(fixed.shape[1]), []
    for start in range(0, len(angle), BATCH):
        rows = slice(start, start + BATCH)
        found.append([part.numpy() for part in search(*(tf.constant(part[rows], tf.float32) for part in (fixed, moving, angle)))])
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


@functools.lru_cache(maxsize=4)
def _search(side):
    """The traced function for images of one side."""
    search = ShiftSearch(side, HIGHEST, REACH * side)
    disc = soft_disc(side)
    images = tf.TensorSpec((None, side, side), tf.float32)

    def plane(batch):
        return spectral_plane.plane(windowed(normalise(batch), disc), HIGHEST)

    @tf.function(input_signature=(images, images, tf.TensorSpec((None,), tf.float32)), autograph=False)
    def best(fixed, moving, angle):
        still = search.whitened(spectral_plane.upright(plane(fixed), search.points))
        turned = search.whitened(spectral_plane.turned(plane(moving), angle, search.points))
        return search.best(search.surface(still, turned), REACH * side)

    return best

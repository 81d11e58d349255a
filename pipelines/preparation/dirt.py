"""Dirt beside a particle: ice, gold, a piece of another one; bright or dark, and taken down before anything is compared.

A lump in the rim that stands far above all else there is of no object in the middle, for objects of that size fade towards
the rim. What is around it is put in its place. Without one, images stay as they are to the last bit.
"""

import functools

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.preparation.places import filled, highest

WIDTH = 0.03  # of the Gaussian that blurs to lumps, as a share of the image's side
WAVES = 48  # cosines along each axis that make up the blurred image
EVERY = 4  # pixels: so coarse a look tells whether there is a lump
RIM = 0.75  # of half the image's side: lumps are looked for beyond it
INNER, OUTER = 0.3, 0.45  # of half the image's side: lumps reach inwards; up to INNER nothing goes, from OUTER on all
HIGH = (0.9, 1.4)  # standard deviations of the image: up to the first a lump stays, from the second on it goes
ALONE = (4.0, 6.0)  # the same, in standard deviations of the blurred rim: objects that reach there lift all of it
OVER = (0.8, 1.1)  # the same, in times the highest in the middle: of an object it is at most 0.76 (phantoms, class averages)
MIDDLE = 0.35  # of half the image's side
EDGE = 2.5  # standard deviations of the blurred rim at which a lump ends
NORMAL = 0.6745  # median of the absolute values of a standard normal distribution
GROWN = 0.06  # of the image's side: by so much a lump's outskirts reach beyond its end, on all sides
ROUNDS = 4  # a steep lump hides how quiet the rim is elsewhere, and others


def without_dirt(images):
    """Images of particles (batch, n, n), n known, finite, whose lumps in the rim are filled."""
    window = _window(images.shape[1])

    def fill(images):
        lumps, share, edge = _lumps(images, 1)
        lump = highest(tf.cast((tf.abs(lumps) > edge) & (window > 0.0), tf.float32), 2 * round(GROWN * images.shape[1]) + 1)
        return (images + share * window * (filled(images, 1.0 - lump) - images),)

    return tf.while_loop(lambda images: tf.reduce_any(_lumps(images)[1] > 0.0), fill, (images,), maximum_iterations=ROUNDS)[0]


def _lumps(images, every=EVERY):
    """Blurred images (batch, m, m) less their level; 0 where there is no lump, 1 where there is one for sure; where it ends.

    The last two are (batch, 1, 1).
    """
    n = images.shape[1]
    waves, gain = _waves(n)
    centred = images - tf.reduce_mean(images, [1, 2], keepdims=True)
    lumps = _blurred(centred, waves, gain, waves[::every])
    radius = _radius(n)[::every, ::every]
    middle, rim = (tf.sort(_chosen(tf.abs(lumps), which), axis=1) for which in (radius < MIDDLE, radius > RIM))  # (batch, places)
    scale, top = rim[:, rim.shape[1] // 2] / NORMAL + 1e-12, rim[:, -1]
    deviation = tf.sqrt(tf.reduce_mean(tf.square(centred), [1, 2])) + 1e-12
    over = top / (middle[:, -1] + 1e-12)
    share = _share(top / deviation, *HIGH) * _share(top / scale, *ALONE) * _share(over, *OVER)
    return lumps, share[:, None, None], EDGE * scale[:, None, None]


def _chosen(images, which):
    """Pixels of images (batch, m, m) where `which`, bool (m, m), says so: (batch, pixels)."""
    return tf.gather(tf.reshape(images, (-1, which.size)), np.flatnonzero(which), axis=1)


def _share(values, low, high):
    """0 up to `low`, 1 from `high` on."""
    return tf.clip_by_value((values - low) / (high - low), 0.0, 1.0)


def _blurred(images, waves, gain, places):
    """Images (batch, n, n) blurred, at the places (m, WAVES) of a coarser or the same grid: (batch, m, m)."""
    factors = tf.matmul(tf.matmul(waves, images, transpose_a=True), waves) * gain  # (batch, WAVES, WAVES)
    return tf.matmul(tf.matmul(places, factors), places, transpose_b=True)


@functools.lru_cache(maxsize=8)
def _waves(n):
    """Orthonormal cosines (n, WAVES); the blur's gain for products of two."""
    order = np.arange(min(WAVES, n))
    waves = np.cos(np.pi * order * (np.arange(n)[:, None] + 0.5) / n) * np.sqrt(np.where(order == 0, 1.0, 2.0) / n)
    blur = np.exp(-0.5 * np.square(np.pi * WIDTH * order))
    return waves.astype(np.float32), np.outer(blur, blur).astype(np.float32)


def _radius(n):
    return np.hypot(*np.moveaxis(geometry.centred_grid(n, n) / (n / 2.0), -1, 0))


def _window(n):
    """How much of a lump goes, float32 (n, n)."""
    return np.clip((_radius(n) - INNER) / (OUTER - INNER), 0.0, 1.0).astype(np.float32)

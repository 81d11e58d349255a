"""Dirt beside a particle: ice, gold, a piece of another one; bright or dark, and filled before anything is compared.

A lump in the rim that stands far above all else there is of no object in the middle, for objects of that size fade towards
the rim. What is around it is put in its place. Without one, images stay as they are to the last bit.
"""

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.preparation.background import ramp
from pipelines.preparation.places import filled, highest

WIDTH = 0.03  # of the Gaussian that blurs to lumps, as a share of the image's side
WAVES = 48  # cosines along each axis that make up the blurred image
EVERY = 4  # pixels: so coarse a look tells whether there is a lump
RIM = 0.75  # of half the image's side: lumps are looked for between it and the frame
INNER, OUTER = 0.3, 0.45  # of half the image's side: lumps reach inwards; up to INNER nothing goes, from OUTER on all
HIGH = (0.9, 1.4)  # standard deviations of the image: up to the first a lump stays, from the second on it goes
ALONE = (4.0, 6.0)  # the same, in standard deviations of the blurred rim: objects that reach there lift all of it
OVER = (0.8, 1.1)  # the same, in times the highest in the middle: of an object it is at most 0.76 (phantoms, class averages)
MIDDLE = 0.35  # of half the image's side
EDGE = 2.5  # standard deviations of the blurred rim at which a lump ends
QUIET = 10.0  # the same, of the rim's part on the other side, if that is less
HIGHER = 1.3  # of two sides of an object one may be so much brighter
NORMAL = 0.6745  # median of the absolute values of a standard normal distribution
GROWN = 0.06  # of the image's side: by so much a lump's outskirts reach beyond its end, on all sides
ROUNDS = 10  # a steep lump hides how quiet the rim is elsewhere, and others


def without_dirt(images):
    """Images of particles (batch, n, n), n known, finite, whose lumps in the rim are filled."""
    n = images.shape[1]

    def fill(images, share, edge):
        window = tf.clip_by_value((_radius(n) - INNER) / (OUTER - INNER), 0.0, 1.0)  # (n, n), how much of a lump goes
        lump, higher = _lump(images, edge, window > 0.0)
        place = filled(images, 1.0 - highest(lump, 2 * round(GROWN * n) + 1))
        return images + share * (window * (place - images) - (1.0 - window) * higher)

    def look(images, _):
        share, edge = _judged(images)
        dirty = tf.reduce_any(share > 0.0)
        return tf.cond(dirty, lambda: fill(images, share, edge), lambda: images), dirty

    return tf.while_loop(lambda _, dirty: dirty, look, (images, True), maximum_iterations=ROUNDS)[0]


def _lump(images, edge, within):
    """Where lumps are, and by how much they stand above the object, as the side tells on which there is none.

    A steep lump hides how quiet the rim is, but not there; and what it lifts of the object is seen against what is there.

    Args:
        images: (batch, n, n). edge: (batch, 1, 1), at which value of the blurred image lumps end at the latest.
            within: bool (n, n), where they are looked for.

    Returns:
        1 where lumps are, else 0; parts of the image, 0 but on the lumps' side; both (batch, n, n).
    """
    n = images.shape[1]
    blurred, x = _blurred(images, 1), tf.constant(geometry.halves_of_side(n))
    plain, y = (tf.abs(blurred) > edge) & within, x[:, None]
    to_x, to_y = (tf.reduce_sum(tf.cast(plain, tf.float32) * line, [1, 2], keepdims=True) for line in (x, y))
    side = x * to_x + y * to_y
    other = tf.cast(side < 0.0, tf.float32)
    rim = other * tf.cast((_radius(n) > RIM) & (_radius(n) <= 1.0), tf.float32)
    rim /= tf.reduce_sum(rim, [1, 2], keepdims=True) + 1e-12
    level = tf.reduce_sum(rim * blurred, [1, 2], keepdims=True)
    above = blurred - level
    quiet = QUIET * tf.sqrt(tf.reduce_sum(rim * tf.square(above), [1, 2], keepdims=True))
    most = HIGHER * tf.reduce_max(tf.abs(above) * other, [1, 2], keepdims=True)
    fainter = (tf.abs(above) > tf.maximum(quiet, tf.where(_radius(n) > RIM, 0.0, most))) & within & (side > 0.0)
    # Blurred, a steep lump reaches further than it does: no pixel is brought beyond the level of the rim.
    pixel = tf.abs(images - tf.reduce_mean(images, [1, 2], keepdims=True) - level)
    higher = tf.clip_by_value(above - tf.clip_by_value(above, -most, most), -pixel, pixel)
    return tf.cast(plain | fainter, tf.float32), tf.where(side > 0.0, higher, 0.0)


def _judged(images):
    """0 where there is no lump, 1 where there is one for sure; at which value of the blurred image it ends; (batch, 1, 1)."""
    lumps = tf.abs(_blurred(images, EVERY))
    x, y = np.meshgrid(*[geometry.halves_of_side(images.shape[1])[::EVERY]] * 2)
    radius = np.hypot(x, y)
    middle, rim = (_sorted(lumps, which) for which in (radius < MIDDLE, (radius > RIM) & (radius <= 1.0)))  # (batch, places)
    scale, top = rim[:, rim.shape[1] // 2] / NORMAL + 1e-12, rim[:, -1]
    deviation, over = tf.math.reduce_std(images, [1, 2]) + 1e-12, top / (middle[:, -1] + 1e-12)
    return ramp(top / deviation, *HIGH) * ramp(top / scale, *ALONE) * ramp(over, *OVER), EDGE * scale[:, None, None]


def _sorted(images, which):
    """Pixels of images (batch, m, m) where `which`, bool (m, m), says so: (batch, pixels), least first."""
    return tf.sort(tf.gather(tf.reshape(images, (-1, which.size)), np.flatnonzero(which).astype(np.int32), axis=1), axis=1)


def _blurred(images, every):
    """Images (batch, n, n) less their level, blurred, at every so many pixels: (batch, m, m).

    By a sum of cosines, which are made in the graph and not stored with it.
    """
    n = images.shape[1]
    order = tf.range(min(WAVES, n), dtype=tf.float32)
    waves = tf.cos(np.pi / n * (tf.range(n, dtype=tf.float32)[:, None] + 0.5) * order)  # (n, waves)
    blur = tf.exp(-0.5 * tf.square(np.pi * WIDTH * order)) * tf.where(order == 0.0, 1.0, 2.0) / n
    centred = images - tf.reduce_mean(images, [1, 2], keepdims=True)
    factors = tf.matmul(tf.matmul(waves, centred, transpose_a=True), waves) * blur[:, None] * blur  # (batch, waves, waves)
    return tf.matmul(tf.matmul(waves[::every], factors), waves[::every], transpose_b=True)


def _radius(n):
    """Distance of each pixel from the centre, in halves of the side: (n, n)."""
    square = tf.square(tf.constant(geometry.halves_of_side(n)))
    return tf.sqrt(square[:, None] + square)

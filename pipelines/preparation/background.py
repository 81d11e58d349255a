"""Slow background: ice of uneven thickness, uneven light, vignetting; taken off before anything is compared.

First the surface of second degree that fits best: the rim where a particle stands in the middle, else the whole image. It
goes where there is more of it than noise explains. What is left of slow changes around a particle goes by a high-pass, but
only where the rim says that there are some: at the lowest signal-to-noise ratios the lowest frequencies hold most of what can
be seen of an object, and a high-pass that is not needed costs a third of the right answers. In photographs slow changes are
content, and go only where they outweigh all else.
"""

import functools

import numpy as np
import tensorflow as tf

from pipelines import geometry

DEGREE = 2
WIDTH = 0.08  # of the Gaussian that blurs to what is slow, as a share of the image's side
WAVES = 16  # cosines along each axis that make up the blurred image
BLOCKS = 8  # along each axis; the outermost are the rim
LEAST = 2e-3  # of an image's power that counts as noise: without noise, an object's outskirts would be background
RIM = 0.75  # of half the image's side: particles lie within it
TERMS = [(i, j) for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)]  # powers of x and y, the level first
SLIGHT, PLAINLY = 30.0, 100.0  # the surface's variance over what it has by chance: up to SLIGHT it stays, from PLAINLY on it goes
PLAIN, UNEVEN = 2.5, 6.0  # variance of the rim's blocks over that of white noise: up to PLAIN no high-pass, from UNEVEN all
SURFACE, SLOW = (0.03, 0.1), (0.08, 0.2)  # shares of an image's power, with the same meaning: less is no matter, or an object's
CONTENT, LIGHT = 0.45, 0.65  # the surface's share of a photograph's variance: up to CONTENT it stays, from LIGHT on it goes


def without_slow_background(images):
    """Images of particles (batch, n, n), n known, less their slow background; the `unevenness` (batch,) of their rims before."""
    images, slow, noise, power = _without_surface(images)
    uneven = slow / _mean_of(noise, images)
    share = ramp(uneven, PLAIN, UNEVEN) * ramp(slow / power, *SLOW)
    return tf.cond(tf.reduce_any(share > 0.0), lambda: _high_pass(images, share), lambda: images), uneven


def without_surface(images):
    """Images of particles (batch, n, n), n known, less the surface of their rims, where there is one; nothing faster goes."""
    return _without_surface(images)[0]


def _without_surface(images):
    """`without_surface`, and of what would be left without any surface what `_rim` tells."""
    surface, strength, inside = _surface(images, RIM)
    slow, noise, power = _rim(images - surface)
    chance = (len(TERMS) - 1) * noise / np.count_nonzero(inside)  # of the surface of white noise
    goes = ramp(strength / chance, SLIGHT, PLAINLY) * ramp(strength / power, *SURFACE)
    images = tf.cond(tf.reduce_any(goes > 0.0), lambda: images - goes * surface, lambda: images)
    return images, slow, noise, power


def unevenness(images):
    """Variance of the means of the rim's blocks, over what white noise of the same pixels has: (batch,), about 1 for noise.

    images: (batch, n, n), n known, of mean 0.
    """
    slow, noise, _ = _rim(images)
    return slow / _mean_of(noise, images)


def _rim(images):
    """Of images (batch, n, n), (batch,) each: variance of the means of the rim's blocks, of what is fast in it; power."""
    side = images.shape[1] // BLOCKS
    pool = np.kron(np.eye(BLOCKS), np.ones(side)) / side  # (blocks, pixels)
    pool = np.pad(pool, [(0, 0), (0, images.shape[1] - side * BLOCKS)]).astype(np.float32)
    mean, square = (tf.matmul(tf.matmul(pool, part), pool, transpose_b=True) for part in (images, tf.square(images)))
    rim = np.pad(np.zeros((BLOCKS - 2, BLOCKS - 2), np.float32), 1, constant_values=1.0)
    rim /= rim.sum()
    power = tf.reduce_mean(square, [1, 2]) + 1e-12
    noise = tf.reduce_sum((square - tf.square(mean)) * rim, [1, 2]) + LEAST * power
    return tf.reduce_sum(tf.square(mean) * rim, [1, 2]), noise, power


def _mean_of(noise, images):
    """Variance of the mean of a block of white noise."""
    return noise / ((images.shape[1] // BLOCKS) ** 2 - 1.0)


def ramp(values, low, high):
    """0 up to `low`, 1 from `high` on, (batch, 1, 1)."""
    return tf.clip_by_value((values - low) / (high - low), 0.0, 1.0)[:, None, None]


def _high_pass(images, share):
    """Images less a share (batch, 1, 1) of their slow changes; a surface of the rim alone may be far off in the middle."""
    images -= share * _surface(images)[0]
    waves, gain = _waves(images.shape[1])
    slow = tf.matmul(tf.matmul(waves, images, transpose_a=True), waves) * (gain * share)  # (batch, WAVES, WAVES)
    return images - tf.matmul(tf.matmul(waves, slow), waves, transpose_b=True)


def without_uneven_light(images):
    """Photographs (batch, n, n), n known, less the surface of second degree where it outweighs all else; their `unevenness`."""
    centred = images - tf.reduce_mean(images, [1, 2], keepdims=True)
    surface, variance, inside = _surface(centred)
    weight = tf.cast(inside, tf.float32) / np.count_nonzero(inside)
    of_all = variance / (tf.reduce_sum(tf.square(centred) * weight, [1, 2]) + 1e-12)
    light = ramp(of_all, CONTENT, LIGHT) * surface
    return images - light, unevenness(centred - light)


def _surface(images, inner=0.0):
    """The best surface (batch, n, n), its variance (batch,), and which pixels were looked at, bool (n, n)."""
    n = images.shape[1]
    basis, inside = _surfaces(n, inner)
    weighted = basis * tf.cast(inside.reshape(-1, 1), tf.float32)
    factors = tf.matmul(tf.reshape(images, (-1, n * n)), weighted)  # (batch, terms), of which the first is the level's
    variance = tf.reduce_sum(tf.square(factors[:, 1:]), 1) / np.count_nonzero(inside)
    return tf.reshape(tf.matmul(factors, basis, transpose_b=True), (-1, n, n)), variance, inside


def _surfaces(n, inner):
    """Polynomials that are orthonormal over what is looked at, float32 (n * n, terms), and where that is, bool (n, n).

    Over a disc they are one space whichever way the image is turned: an object loses the same, whatever its angle. Of a rim
    the corners are taken, too, for an object has little there. They are made in the graph, and not stored with it.
    """
    inside, mix = _looked_at(n, inner)
    line = geometry.halves_of_side(n)
    powers = [tf.constant(line**degree) for degree in range(DEGREE + 1)]
    terms = [tf.reshape(powers[j][:, None] * powers[i], (-1,)) for i, j in TERMS]
    return tf.matmul(tf.stack(terms, 1), mix), inside


@functools.lru_cache(maxsize=8)
def _looked_at(n, inner):
    """Pixels looked at, bool (n, n); the columns of powers, in the order of `TERMS`, that are orthonormal over them."""
    x, y = np.moveaxis(geometry.centred_grid(n, n) / (n / 2.0), -1, 0)
    radius = np.hypot(x, y)
    inside = radius > inner if inner else radius <= 1.0
    terms = np.stack([x[inside] ** i * y[inside] ** j for i, j in TERMS], 1)
    return inside, np.linalg.inv(np.linalg.qr(terms, mode="r")).astype(np.float32)


@functools.lru_cache(maxsize=8)
def _waves(n):
    """Cosines (n, WAVES), orthonormal, and the share (WAVES, WAVES) of each product of two that is slow.

    A sum of cosines continues an image beyond its frame as its mirror image. With the blur's gain g the share is
    ``1 - (1 - g)^2``: what a second high-pass would take of what the first one left is gone, too.
    """
    order = np.arange(min(WAVES, n))
    waves = np.cos(np.pi * order * (np.arange(n)[:, None] + 0.5) / n) * np.sqrt(np.where(order == 0, 1.0, 2.0) / n)
    blur = np.exp(-0.5 * np.square(np.pi * WIDTH * order))
    return waves.astype(np.float32), (1.0 - np.square(1.0 - np.outer(blur, blur))).astype(np.float32)

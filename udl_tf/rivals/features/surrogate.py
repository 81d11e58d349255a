"""Surrogate classes (Dosovitskiy et al. 2014): a class is one unlabelled patch under many transformations.

Here they are turns, changes of scale, small shifts, gamma, a light that falls off, and white noise of any strength: what the
network must not see.
"""

import math

import tensorflow as tf

from pipelines import draws, geometry
from pipelines.geometry.sampling import bilinear
from pipelines.noise.kinds.gamma import gamma
from pipelines.noise.kinds.gradient import gradient
from udl_tf.rivals.windows import box_mean

TURN, SCALE, SHIFT = 18.0, 0.15, 1.5  # degrees, natural logarithm, pixels: up to, either way
POWER, LIGHT = 1.5, 0.7  # levels of gamma and gradient
NOISE = (0.1, 10.0)  # signal-to-noise ratios, drawn log-uniformly
CLEAN = 0.25  # of the patches have no noise
WINDOW = 17  # pixels, of the local mean and deviation
FLAT = 0.3  # standard deviation, of images that have 1, below which a place counts as flat


def transformed(patches, side, seed):
    """Patches under a transformation of their own each, as the network sees them.

    Args:
        patches: float32 (batch, context, context), of images of mean 0 and standard deviation 1. side: of what is cut from their
            middles, pixels. seed: int32 (2,).

    Returns:
        (batch, side, side), see `flattened`.
    """
    seeds = draws.split(seed, 8)
    batch, room = tf.shape(patches)[0], side + WINDOW - 1
    turn, scale = (draws.uniform([batch], seeds[i], -most, most) for i, most in enumerate((TURN, SCALE)))
    shift = draws.uniform(tf.stack([batch, 1, 2]), seeds[2], -SHIFT, SHIFT)
    grid = tf.constant(geometry.centred_grid(room, room).reshape(1, -1, 2))
    places = geometry.rotate_points(turn[:, None], tf.tile(grid, (batch, 1, 1))) * tf.exp(scale)[:, None, None] + shift
    seen = tf.reshape(bilinear(patches, places, "reflect"), (-1, room, room))
    seen = gradient(gamma(seen, POWER, seeds[3]), LIGHT, seeds[4])
    low, high = (math.log(one) for one in NOISE)
    strength = tf.exp(-0.5 * draws.uniform([batch, 1, 1], seeds[5], low, high))
    strength *= tf.cast(draws.uniform([batch, 1, 1], seeds[6]) > CLEAN, tf.float32)
    seen += strength * draws.normal(tf.shape(seen), seeds[7])
    return flattened(seen)[:, WINDOW // 2 : -(WINDOW // 2), WINDOW // 2 : -(WINDOW // 2)]


def flattened(images):
    """Images (batch, height, width) without their slow changes of brightness and contrast: what light does is gone before.

    From each pixel the mean of its `WINDOW` is taken, and what is left is divided by the standard deviation there.
    """
    rest = images - box_mean(images, WINDOW)
    level = tf.reduce_mean(rest**2, (1, 2), keepdims=True)  # of the whole image, which may have any range
    return rest * tf.math.rsqrt(box_mean(rest**2, WINDOW) + FLAT**2 * level + 1e-12)

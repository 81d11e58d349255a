"""LDDMM (Beg et al. 2005) by the initial momentum (Vialard et al. 2012): what it shoots to makes the images alike, and is short.

What falls is half the logarithm of the mean squared difference, the likelihood under noise of unknown strength, plus the path's
energy: L-BFGS, with gradients through the shooting, first of blurred images and on a coarse grid. All pairs are bent at once.
"""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.geometry import sampling
from pipelines.geometry.transforms import Displacement
from udl_tf.rivals import learning
from udl_tf.rivals.deformable import lbfgs
from udl_tf.rivals.deformable.momentum import MomentumGrid, finer
from udl_tf.rivals.windows import box_mean


@dataclasses.dataclass(frozen=True)
class Level:
    """spacing: pixels of the grid. blur: pixels, window of the mean that blurs the images twice. iterations: how many."""

    spacing: int
    blur: int
    iterations: int


LEVELS = (Level(8, 7, 20), Level(4, 3, 30), Level(4, 1, 30))
ENERGY = 0.1  # its weight
LEAST = 1e-4  # added to the squared difference
KNOWN = 0.5  # of the image at least: to push all of it out of sight leaves no difference either
FIRST = 0.05  # nodes, largest entry of the first step


def answer(problem, inputs):
    """See `registry.Rival`."""
    grid = MomentumGrid(*inputs["fixed"].shape[1:])
    fields = learning.batched(lambda pair: grid.field(momenta(pair["fixed"], pair["moving"])), inputs)
    return Displacement(fields, grid.spacing)


def momenta(fixed, moving, levels=LEVELS, energy=ENERGY):
    """The momenta of the last level's `MomentumGrid` that bring moving onto fixed, both float32 (batch, height, width)."""
    momentum = None
    for level in levels:
        grid = MomentumGrid(*fixed.shape[1:], level.spacing)
        images = [box_mean(box_mean(image, level.blur), level.blur) for image in (fixed, moving)]
        if momentum is None:
            momentum = tf.zeros((len(fixed), *grid.size, 2))
        elif tuple(momentum.shape[1:3]) != grid.size:
            momentum = finer(momentum)
        evaluate = functools.partial(objective(grid), *images, tf.constant(energy))
        momentum, _ = lbfgs.minimise(evaluate, momentum, level.iterations, FIRST)
    return momentum


@functools.lru_cache
def objective(grid):
    """The function (fixed, moving, weight of the energy, momentum) to (value (batch,), gradient) that is minimised on a grid."""

    @tf.function(reduce_retracing=True, autograph=False)
    def value_and_gradient(fixed, moving, energy, momentum):
        with tf.GradientTape() as tape:
            tape.watch(momentum)
            unlike, known = unlikeness(fixed, moving, grid.at_pixels(grid.field(momentum)))
            value = 0.5 * tf.math.log(unlike + LEAST) + energy * grid.energy(momentum)
        return tf.where(known > KNOWN, value, np.inf), tape.gradient(value, momentum)

    return value_and_gradient


def unlikeness(fixed, moving, field):
    """The mean squared difference (batch,) of the fixed and the bent image where the latter is known, and the share of that.

    Args:
        fixed, moving: float32 (batch, height, width). field: (batch, height, width, 2), pulled.
    """
    height, width = fixed.shape[1:]
    places = tf.reshape(tf.constant(geometry.centred_grid(height, width)) + field, (-1, height * width, 2))
    inside = tf.abs(places) <= tf.constant([(width - 1) / 2.0, (height - 1) / 2.0])
    known = tf.cast(tf.reduce_all(inside, -1), tf.float32)
    squared = known * (sampling.bilinear(moving, places) - tf.reshape(fixed, (-1, height * width))) ** 2
    known = tf.reduce_mean(known, -1)
    return tf.reduce_mean(squared, -1) / tf.maximum(known, 1e-6), known

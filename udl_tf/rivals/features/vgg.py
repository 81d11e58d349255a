"""Features of a network's levels, prematched, inliers that grow, and a thin-plate spline (Yang et al. 2018).

The descriptors are those of VGG16, from a file of its weights, or of the Exemplar-CNN that comes with the package.
"""

import math
import pathlib

import numpy as np
import tensorflow as tf

from pipelines.geometry import displacement, thin_plate
from pipelines.geometry.transforms import Displacement
from udl_tf.rivals import consensus
from udl_tf.rivals.features import embedded, matching
from udl_tf.rivals.features.growing import Growth, grown
from udl_tf.rivals.features.levels import likeness

MATCHES = 128  # of a pair, at most
ROOM = 2**25  # entries of the matrices of one batch of pairs, about
GROWTH = Growth()
LEAST = 8  # inliers, for a spline
INLIER = 0.5  # probability
FINEST = 256  # nodes of the field along the longer side, at most


def answer(problem, inputs, weights=None):
    """See `registry.Rival`; weights: path of a file, ``.npz`` of an Exemplar-CNN, else of VGG16; None: the embedded one."""
    shape = inputs["fixed"].shape[1:]
    found = [np.concatenate(parts) for parts in zip(*_batches(inputs, source(weights)))]
    if problem.kind == "deformable":
        return field(*found, shape)
    middle = (np.float32(shape[::-1]) - 1.0) / 2.0
    places = [(fixed[sure > 0.0] + middle, moving[sure > 0.0] + middle) for fixed, moving, sure, _ in zip(*found)]
    return {"affine": consensus.affines, "homography": consensus.homographies}[problem.kind](places, shape)


def source(weights):
    """The `Levels` of a file of weights, or of the embedded one; InputError where it holds none."""
    if weights is None or pathlib.Path(weights).suffix == ".npz":
        return embedded.levels() if weights is None else embedded.levels(weights)
    from udl_tf.rivals.features import vgg16

    return vgg16.levels(weights)


def prematched(fixed, moving, levels):
    """The surest matches of images (batch, height, width).

    Returns:
        places (batch, m, 2) in fixed and in moving, pixels from the centre; how sure each is, 0 where none is, (batch, m); and
        pixels between nodes, the same for all, (batch,).
    """
    own, apart = levels.of(fixed)
    other, _ = levels.of(moving)
    like = likeness(own, other, levels.weights)
    rows, columns = own[0].shape[1:3]
    *places, _, sure = matching.mutual(like, rows, columns, apart)
    sure = surest(sure, rows, columns)
    sure, best = tf.math.top_k(sure, min(MATCHES, rows * columns))
    return *(tf.gather(part, best, batch_dims=1) for part in places), sure, tf.fill((len(fixed),), float(apart.max()))


def surest(sure, rows, columns):
    """How sure matches are, (batch, rows * columns), with 0 for all that are not the surest of their cell of nodes.

    There are about as many cells as matches are asked for, so that these lie all over the image.
    """
    cell = max(math.ceil(math.sqrt(rows * columns / MATCHES)), 1)
    maps = tf.reshape(sure, (-1, rows, columns, 1))
    best = tf.repeat(tf.repeat(tf.nn.max_pool2d(maps, cell, cell, "SAME"), cell, 1), cell, 2)[:, :rows, :columns]
    return tf.reshape(tf.where(maps >= best, maps, 0.0), tf.shape(sure))


def field(fixed, moving, sure, apart, shape):
    """The `Displacement` of matches, see `prematched`, of images of a shape; nothing moves where too few agree."""
    side = max(shape)
    spacing = max(1.0, side / FINEST)
    points = displacement.nodes(*displacement.grid_size(*shape, spacing), spacing)
    fields = []
    step = max(ROOM // (points.size // 2 * fixed.shape[1]), 1)
    for start in range(0, len(fixed), step):
        part = [tf.constant(array[start : start + step]) for array in (fixed, moving, sure)]
        moved, likely = grown(*part, side, float(apart[0]), GROWTH)
        inlier = likely > INLIER
        spline = thin_plate.fitted(part[0], moved - part[0], part[2] > 0.0)  # outliers have moved with the others
        flat = tf.constant(np.broadcast_to(points.reshape(1, -1, 2), (len(moved), points.size // 2, 2)))
        found = tf.cast(thin_plate.at(spline, flat), tf.float32)
        enough = tf.reduce_sum(tf.cast(inlier, tf.int32), 1) >= LEAST
        fields.append(tf.where(enough[:, None, None], found, 0.0).numpy().reshape(-1, *points.shape))
    return Displacement(np.concatenate(fields), spacing)


def _batches(inputs, levels):
    """Yields `prematched` of batches of pairs, NumPy."""
    height, width = levels.size(*inputs["fixed"].shape[1:])
    places = height * width // levels.stride**2
    step = int(np.clip(ROOM // places**2, 1, 16))
    for start in range(0, len(inputs["fixed"]), step):
        pair = [tf.constant(inputs[name][start : start + step], tf.float32) for name in ("fixed", "moving")]
        yield [part.numpy() for part in prematched(*pair, levels)]

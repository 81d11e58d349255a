"""What momenta are learned from: pairs with the momenta that `lddmm` finds for them, turned and mirrored."""

import numpy as np
import tensorflow as tf

from udl_tf.rivals.deformable import lddmm
from udl_tf.rivals.deformable.lddmm import Level

LEVELS = (Level(8, 7, 10), Level(4, 3, 15), Level(4, 1, 15))  # half the steps of the method itself
BATCH = 64


def targets(dataset, count):
    """The first `count` pairs of a dataset of (inputs, truth) and their momenta; truth is not looked at.

    Returns:
        (images (count, side, side, 2), fixed before moving; momenta (count, nodes, nodes, 2)), float32.
    """
    images = []
    for inputs, _ in dataset.unbatch().batch(BATCH).take(-(-count // BATCH)):
        images.append(tf.stack([inputs["fixed"], inputs["moving"]], -1))
    images = tf.concat(images, 0)[:count]
    found = [lddmm.momenta(*tf.unstack(part, axis=-1), LEVELS) for part in tf.split(images, _sizes(count))]
    return images, tf.concat(found, 0)


def turned(images, momentum, choice):
    """Pairs and their momenta as they look in a transposed, or a mirrored world: with all choices, the square's eight symmetries.

    Args:
        images: (batch, side, side, channels). momentum: (batch, nodes, nodes, 2), x before y.
        choice: bool (batch, 3): exchange x and y, mirror x, mirror y; in this order.
    """
    images, momentum = _chosen(choice[:, 0], (images, momentum), _exchanged)
    for number, axis in ((1, 2), (2, 1)):
        signs = tf.constant([-1.0, 1.0] if axis == 2 else [1.0, -1.0])
        mirrored = tf.reverse(images, [axis]), tf.reverse(momentum, [axis]) * signs
        images, momentum = _chosen(choice[:, number], (images, momentum), lambda *_, mirrored=mirrored: mirrored)
    return images, momentum


def _exchanged(images, momentum):
    return tf.transpose(images, (0, 2, 1, 3)), tf.transpose(momentum, (0, 2, 1, 3))[..., ::-1]


def _chosen(choice, parts, change):
    return tuple(tf.where(choice[:, None, None, None], *pair) for pair in zip(change(*parts), parts, strict=True))


def _sizes(count):
    return np.diff(np.append(np.arange(0, count, BATCH), count))

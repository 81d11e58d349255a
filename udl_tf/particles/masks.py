"""The soft discs that particles and averages are seen through."""

import numpy as np
import tensorflow as tf

from pipelines import geometry
from udl_tf.networks.window import soft_disc

WINDOW, WINDOW_EDGE = 0.94, 0.04  # of particles, shares of half the box: as the network sees them
RIM = 0.85  # share of a disc's radius beyond which is its rim
MASK_EDGE = 3.0  # pixels over which the mask of averages fades


def window_of(box):
    """The soft disc (box, box) that particles are seen through."""
    return soft_disc(box, WINDOW, WINDOW_EDGE)


def mask_of(config):
    """The soft mask (box, box) of averages."""
    return soft_disc(config.box, 2.0 * config.mask_radius / config.box, MASK_EDGE / config.box)


def network_mask_of(config):
    """The soft mask (box, box) of particles for the network, wide enough for the largest shift; None where none was asked for."""
    box = config.box
    return soft_disc(box, 2.0 * (config.mask_radius + config.limit) / box, 2.0 / box) if config.masked else None


def framed(images, disc):
    """Images (n, box, box), tensor or array, times a soft disc (box, box), less their mean along its rim.

    What is left at the edge would be a step there, which the pixels make look different in every direction.
    """
    rim = disc * (np.linalg.norm(geometry.centred_grid(*disc.shape), axis=-1) > RIM * np.sqrt(disc.sum() / np.pi))
    level = tf.einsum("nij,ij->n", tf.cast(images, tf.float32), tf.constant(rim / rim.sum(), tf.float32))
    return (tf.cast(images, tf.float32) - level[:, None, None]) * disc

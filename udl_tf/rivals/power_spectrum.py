"""Alignment by power spectra without learning: the family of the paper's Fourier baseline.

The polar amplitude spectra of both images are correlated over angles, which gives the angle modulo 180 degrees; Fourier
correlation of the images then decides between the two halves and gives the shift. The polar network of `networks.polar`
does all that with weights that nothing has trained.
"""

import functools
import types

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.geometry.transforms import Rigid
from pipelines.normalise import normalise
from pipelines.spectra import spectral_plane
from udl_tf.alignment.proposal import AngleProposal
from udl_tf.alignment.translation import ShiftSearch
from udl_tf.networks.angular import PERIOD
from udl_tf.networks.polar import PolarConfig, polar
from udl_tf.networks.window import soft_disc, windowed

WEIGHTS = ("falling", "equal")  # of the rings
FALLOFF = 8.0  # cycles per box at which a falling weight has come down to exp(-1/2) of k
HIGHEST = 16  # cycles per box that the shift is solved with


def answer(problem, inputs):
    """See `registry.Rival`."""
    return align(inputs["fixed"], inputs["moving"])


def align(fixed, moving, weights="falling", max_shift=None, batch=64):
    """Rigid transforms that bring moving onto fixed.

    Args:
        fixed, moving: float32 (n, side, side), any grey values.
        weights: of the rings of frequencies k: ``falling``, k exp(-(k / FALLOFF)^2 / 2), or ``equal``.
        max_shift: pixels; a quarter of the side by default. batch: pairs at a time.

    Returns:
        `Rigid`, its angles in [-180, 180).

    Raises:
        InputError: unknown weights.
    """
    if weights not in WEIGHTS:
        raise InputError(f"power spectrum: received weights {weights!r}, expected one of {', '.join(WEIGHTS)}")
    propose, found = aligner(moving.shape[1], weights), []
    limit = tf.constant(moving.shape[1] / 4.0 if max_shift is None else max_shift, tf.float32)
    for start in range(0, len(moving), batch):
        angle, shift = propose(*(tf.constant(images[start : start + batch], tf.float32) for images in (fixed, moving)), limit)
        found.append((angle.numpy(), shift.numpy()))
    angle, shift = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Rigid(geometry.wrap_degrees(angle), shift)


@functools.lru_cache(maxsize=4)
def aligner(side, weights="falling"):
    """A traced function ``(fixed, moving, max_shift) -> (angle (batch,), shift (batch, 2))`` for images of one side."""
    network = untrained(side, weights)
    options = types.SimpleNamespace(period=PERIOD, candidates=1)
    propose = AngleProposal(network, options, 0.0, ShiftSearch(side, HIGHEST, side / 2.0))
    disc = soft_disc(side)

    def described(images):
        images = normalise(images)
        return {"image": images, "plane": spectral_plane.plane(windowed(images, disc), HIGHEST)}

    images = tf.TensorSpec((None, side, side), tf.float32)

    @tf.function(input_signature=(images, images, tf.TensorSpec((), tf.float32)), autograph=False)
    def best(fixed, moving, max_shift):
        found = propose(described(fixed), described(moving), max_shift)
        return found.angle[:, 0], found.shift[:, 0]

    return best


def untrained(side, weights="falling"):
    """The polar network for images of one side, its rings weighted by a formula; rings lie half a cycle per box apart."""
    config = PolarConfig(pad=2 * side, last_ring=min(PolarConfig.last_ring, side))
    network = polar(config, side)
    cycles = np.arange(config.first_ring, config.last_ring, dtype=np.float32) / 2.0
    logarithm = np.log(cycles) - 0.5 * (cycles / FALLOFF) ** 2 if weights == "falling" else np.zeros_like(cycles)
    network.get_layer("features").log_weight.assign(logarithm)
    return network

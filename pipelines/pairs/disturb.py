"""Disturbance of a pair: both images turned, shifted and given fresh noise (paper section 3.2)."""

import collections
import collections.abc
import dataclasses

import tensorflow as tf

from pipelines import draws
from pipelines.errors import InputError
from pipelines.geometry import warp
from pipelines.noise import random_rows

FILLS = ("reflect", "constant", "wrap", "nearest")

DisturbedPair = collections.namedtuple("DisturbedPair", "fixed moving fixed_disturbance moving_disturbance")


@dataclasses.dataclass(frozen=True)
class Disturb:
    """Turn each image by an angle in [0, 360), shift it within +-`max_shift` pixels along x and y, add fresh noise.

    Attributes:
        max_shift: pixels.
        renoise: None, or ``renoise(images, seed) -> images`` adding new noise of the data's own kind; seed int32 (2,). Where
            training is spread over replicas it is called with a third argument, `first` as below.
            Without fresh noise an equivariant network has no loss however wrong it is, and UDL teaches it nothing.
        fill: what lies outside the image. The corners must not tell by how much an image was turned, or the loss can
            be met without looking at the particle: zero corners do (flat wedges without noise), mirrored ones hardly,
            since noise and background go on to the edge. So ``reflect`` is the default. Better still, where the
            source is larger than the network's box (photographs): disturb the larger image and crop its centre.
    """

    max_shift: float
    renoise: collections.abc.Callable | None = None
    fill: str = "reflect"

    def __post_init__(self):
        if self.max_shift < 0:
            raise InputError(f"disturbance max_shift: received {self.max_shift}, expected pixels >= 0")
        if self.fill not in FILLS:
            raise InputError(f"disturbance fill: received {self.fill!r}, expected one of {', '.join(FILLS)}")

    def __call__(self, fixed, moving, seed, first=None):
        """Disturb both images of each pair independently.

        Args:
            fixed, moving: float32 (batch, height, width).
            seed: int32 (2,); the same seed gives the same disturbance.
            first: None, or the number of the first pair in a larger batch (int32 scalar): these pairs are disturbed as they
                are when the whole batch is, see `draws`.

        Returns:
            `DisturbedPair`: `fixed` and `moving` (batch, height, width); the two disturbances, each (angle (batch,)
            degrees, shift (batch, 2) pixels). The truth of the new pair is `geometry.disturbed_truth`.
        """
        seeds = draws.split(seed, 2)
        fixed, fixed_disturbance = self.image(fixed, seeds[0], first)
        moving, moving_disturbance = self.image(moving, seeds[1], first)
        return DisturbedPair(fixed, moving, fixed_disturbance, moving_disturbance)

    def image(self, images, seed, first=None):
        """Disturb images (batch, height, width). Returns them and (angle (batch,), shift (batch, 2))."""
        seeds = draws.split(seed, 3)
        count, before = tf.shape(images)[0], 0 if first is None else first
        angle = random_rows.uniform((count,), seeds[0], 0.0, 360.0, before)
        shift = random_rows.uniform((count, 2), seeds[1], -self.max_shift, self.max_shift, before)
        disturbed = tf.ensure_shape(warp.warp(images, angle, shift, fill_mode=self.fill), images.shape)
        if self.renoise is not None:
            disturbed = self.renoise(disturbed, seeds[2]) if first is None else self.renoise(disturbed, seeds[2], first)
        return disturbed, (angle, shift)

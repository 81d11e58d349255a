"""Tracking sequences made from photos: a patch followed over frames by a known smooth path, while its appearance changes.

A *place* is a homography (3, 3), its last element 1, that takes a point of the patch, (x, y) in pixels from the patch's
centre, to its place in a frame, in pixels from the frame's centre (`geometry`). Frame t is the photo moved by the place
of t, so the patch is what lies around the photo's centre, and in the first frame it is in the middle.

Eight numbers describe a motion, `LIMITS` says how large each may be: angle (degrees), shift x and y (pixels), zoom, stretch
and skew, and the two of the horizon (per half of the patch). All are zero for no motion; a rigid one has the first three.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from pipelines import draws, geometry, noise
from pipelines.errors import InputError
from pipelines.geometry import warp
from pipelines.normalise import normalise

# Largest values of angle, x, y, zoom, stretch, skew and the two of the horizon, over a sequence.
LIMITS = {
    "rigid": (15.0, 12.0, 12.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "homography": (15.0, 12.0, 12.0, 0.1, 0.05, 0.05, 0.05, 0.05),
}
BETWEEN_FRAMES = 0.5  # of the limits: how far apart the two images of a training pair may be
WAVES = 3  # of which a path is made, the fastest with as many periods in a sequence


@dataclasses.dataclass(frozen=True)
class Appearance:
    """How much may change besides the place; all of it is nothing in the first frame, but for the noise.

    Attributes:
        gain: contrast is multiplied by up to ``1 + gain``, or divided. offset: brightness, in standard deviations of the photo.
        slope: of an illumination that falls off over the frame: at its border the light is weaker or stronger by this share.
        blur: standard deviation up to, pixels. noise: of white noise, in standard deviations of the photo.
    """

    gain: float = 0.0
    offset: float = 0.0
    slope: float = 0.0
    blur: float = 0.0
    noise: float = 0.0


APPEARANCES = {"constant": Appearance(), "changing": Appearance(gain=0.6, offset=0.6, slope=0.7, blur=1.0, noise=0.1)}


@dataclasses.dataclass(frozen=True)
class Sequence:
    """Frames float32 (count, size, size), each of mean 0 and standard deviation 1, and the patch's places (count, 3, 3)."""

    frames: np.ndarray
    places: np.ndarray


def sequence(photo, seed, frames=30, size=96, patch=64, kind="homography", appearance="changing"):
    """A `Sequence` from one photo.

    Args:
        photo: float32 (height, width), any grey values, both sides at least `size`; beyond its borders it is mirrored.
        seed: integer. frames: how many. size: side of a frame. patch: side of the patch, in which the horizon is counted.
        kind: of motion, a key of `LIMITS`. appearance: a key of `APPEARANCES`, or an `Appearance`.

    Raises:
        InputError: unknown kind or appearance, or a photo that is too small.
    """
    photo = np.asarray(photo, np.float32)
    if photo.ndim != 2 or min(photo.shape) < size or size < patch:
        raise InputError(f"photo of shape {photo.shape}: expected (height, width), sides of {size} or more; patch {patch}")
    appearance, limits = _appearance(appearance), _limits(kind)
    rng = np.random.default_rng(seed)
    motion = smooth_path(frames, len(limits), rng) * np.float32(limits)
    places = matrices(motion, patch)
    light = smooth_path(frames, 5, rng)
    images = _square(tf.constant(photo)[None])
    images = moved(tf.tile(normalise(images), (frames, 1, 1)), places, size)
    seen = appear(images, appearance, tf.constant(light), (seed, 1))
    return Sequence(normalise(seen).numpy(), places.numpy())


@tf.autograph.experimental.do_not_convert
def pairs(crops, seed, patch=64, size=64, kind="homography", appearance="changing", start=0):
    """Template and search image, as from two frames of a sequence, for training.

    Args:
        crops: dataset of float32 (batch, side, side), see `pipelines.pictures.Pictures`, side at least `size`; the
            same crops give the same pairs.
        seed: integer. patch: side of the template. size: of the search image. kind, appearance: as of `sequence`.
        start: number of the first batch of `crops`.

    Returns:
        tf.data.Dataset of ``(inputs, truth)``: `inputs` a dict of ``fixed`` (batch, patch, patch), the template, and
        ``moving`` (batch, size, size), each of mean 0 and standard deviation 1; `truth` a dict of ``homography`` (batch, 3, 3)
        that brings moving onto fixed, the inverse of the place.
    """
    appearance, limits = _appearance(appearance), tf.constant(_limits(kind)) * BETWEEN_FRAMES

    def make(number, images):
        seeds = draws.split(tf.stack([seed, tf.cast(number, tf.int32)]), 3)
        batch = tf.shape(images)[0]
        places = matrices(tf.random.stateless_uniform((batch, len(LIMITS[kind])), seeds[0], -1.0, 1.0) * limits, patch)
        light = tf.random.stateless_uniform((batch, 5), seeds[1], -1.0, 1.0)
        images = normalise(images)
        moving = appear(moved(images, places, size), appearance, light, seeds[2])
        back = tf.linalg.inv(places)
        inputs = {"fixed": normalise(warp.centre_crop(images, patch)), "moving": normalise(moving)}
        return inputs, {"homography": back / back[:, 2:, 2:]}

    return crops.enumerate(start).map(make, num_parallel_calls=2, deterministic=True).prefetch(2)


def smooth_path(frames, count, rng):
    """`count` smooth random functions of time that begin at 0 and stay within [-1, 1], float32 (frames, count)."""
    time = np.arange(frames)[:, None, None] / max(frames, 1)
    waves = np.arange(1, WAVES + 1)
    phase = rng.uniform(0.0, 2.0 * np.pi, (count, WAVES))
    weight = rng.uniform(0.5, 1.0, (count, WAVES)) / waves**2  # the slow ones are the large ones
    value = (weight * (np.sin(2.0 * np.pi * waves * time + phase) - np.sin(phase))).sum(-1)
    return (value / (2.0 * weight.sum(-1))).astype(np.float32)


def matrices(motion, patch):
    """Places (n, 3, 3) of motions (n, 8), see above; the horizon is counted in halves of `patch`."""
    angle, shift, zoom, stretch, skew, horizon = tf.split(tf.convert_to_tensor(motion, tf.float32), [1, 2, 1, 1, 1, 2], 1)
    shape = tf.concat([1.0 + zoom + stretch, skew, skew, 1.0 + zoom - stretch], 1)
    linear = tf.matmul(geometry.rotation_matrix(angle[:, 0]), tf.reshape(shape, (-1, 2, 2)))
    horizon = horizon / (patch / 2.0)
    # The shift is that of the patch's centre: the horizon does not change where that goes.
    upper = tf.concat([linear + shift[:, :, None] * horizon[:, None, :], shift[:, :, None]], 2)
    return tf.concat([upper, tf.concat([horizon, tf.ones_like(angle)], 1)[:, None]], 1)


def moved(images, places, size):
    """The central (batch, size, size) of images (batch, side, side) moved by homographies (batch, 3, 3); mirrored outside."""
    return warp.centre_crop(warp.pulled(images, tf.linalg.inv(places), "reflect"), size)


def appear(images, appearance, light, seed):
    """Images (batch, height, width) of standard deviation 1 as they look under another light.

    Args:
        appearance: `Appearance`. light: (batch, 5) in [-1, 1]: how much of gain, offset, slope along x and y, and blur (its
            size) each image has. seed: int32 (2,), of the noise.
    """
    gain, offset, *slope, blur = tf.unstack(light, axis=1)
    height, width = images.shape[1], images.shape[2]
    grid = tf.constant(geometry.centred_grid(height, width) / np.float32([width / 2.0, height / 2.0]))  # (height, width, 2)
    falling = tf.einsum("hwi,bi->bhw", grid, tf.stack(slope, 1)) * (appearance.slope / np.sqrt(2.0))
    low = tf.reduce_min(images, axis=(1, 2), keepdims=True)  # light falls on grey values from black, not from the mean
    images = low + (images - low) * (1.0 + falling)
    images = images * tf.pow(1.0 + appearance.gain, gain)[:, None, None] + (offset * appearance.offset)[:, None, None]
    if appearance.blur:
        images = noise.blur(images, tf.abs(blur) * appearance.blur)
    return images + appearance.noise * tf.random.stateless_normal(tf.shape(images), seed)


def _square(images):
    """The largest central square of images (batch, height, width)."""
    side = min(images.shape[1], images.shape[2])
    return warp.centre_crop(images, side)


def _limits(kind):
    if kind not in LIMITS:
        raise InputError(f"tracking: received the motion {kind!r}, expected one of {', '.join(LIMITS)}")
    return LIMITS[kind]


def _appearance(appearance):
    if isinstance(appearance, Appearance):
        return appearance
    if appearance not in APPEARANCES:
        raise InputError(f"tracking: received the appearance {appearance!r}, expected one of {', '.join(APPEARANCES)}")
    return APPEARANCES[appearance]

"""Pairs of which one image is the other one bent by a random diffeomorphism that is known.

The velocity of a flow is drawn as cubic B-splines on two grids, a coarse and a fine one; the flow (`geometry.velocity`) is the
field. `moving` shows at p what lies in a crop at ``p + c``, `fixed` shows at q what lies there at ``q + d(q) + c``; the part of a
pixel c is drawn, too, so that neither image is the sharper one. So nothing comes in at the edges, and the field, pulled as in
`geometry.displacement`, is exact at every pixel of `fixed`.
"""

import math

import tensorflow as tf

from pipelines import draws, geometry, noise
from pipelines.errors import InputError
from pipelines.geometry import displacement, splines, velocity
from pipelines.geometry.sampling import bilinear
from pipelines.normalise import normalise

GRIDS = {4: 1.0, 8: 0.35}  # control points to a side, and how far they move in proportion
LEAST = 0.25  # of the reach: the furthest point of a field moves by this to all of it, uniformly
SPACING = 2.0  # pixels between the nodes that the flow is computed at
SQUARINGS = 5


@tf.autograph.experimental.do_not_convert
def from_crops(crops, noise_spec, seed, patch=128, reach=8.0, start=0, bend=None):
    """Dataset of ``(inputs, truth)``: `inputs` of ``fixed`` and ``moving``, `truth` of ``displacement``.

    Batch n depends on the crops, on the seed and on n alone.

    Args:
        crops: endless dataset of float32 (batch, size, size), as of `pipelines.pictures.Photographs` with
            ``max_shift=photo_shift(patch, reach)``.
        noise_spec: `noise.Noise`, drawn anew for each image. seed: integer.
        patch, reach: see `deformed_pair`. start: number of the first batch of `crops`.
        bend: function (crops, seed, patch, reach) -> (fixed, moving, displacement), by default `deformed_pair`.
    """
    bend = bend or deformed_pair

    def make(number, images):
        seeds = draws.split(tf.stack([tf.cast(seed, tf.int32), tf.cast(number, tf.int32)]), 3)
        fixed, moving, field = bend(images, seeds[0], patch, reach)
        images = (noise.apply(noise_spec, image, own) for image, own in zip((fixed, moving), (seeds[1], seeds[2]), strict=True))
        fixed, moving = (normalise(image) for image in images)
        return {"fixed": fixed, "moving": moving}, {"displacement": field}

    return crops.enumerate(start).map(make, num_parallel_calls=2, deterministic=True).prefetch(2)


def crop_size(patch=128, reach=8.0):
    """Side of the smallest square that holds every pair, pixels: 146 for patches of 128 moved by up to 8."""
    return patch + 2 * math.ceil(reach) + 2


def photo_shift(patch=128, reach=8.0):
    """The `max_shift` for which the crops of `pipelines.pictures` are large enough, pixels."""
    half = (patch - 1) / 2
    return max(0.0, (half + math.ceil(reach) + 1) / math.sqrt(2.0) - half)


def deformed_pair(crops, seed, patch=128, reach=8.0):
    """Bend the middle of each crop.

    Args:
        crops: float32 (batch, size, size), size at least `crop_size` and of the parity of `patch`. seed: int32 (2,).
        patch: side of the patches in pixels. reach: pixels; no point moves further.

    Returns:
        fixed, moving: float32 (batch, patch, patch), both interpolated (bilinear).
        displacement: (batch, patch, patch, 2) pixels (dx, dy): a pixel q of fixed is at ``q + displacement`` in moving.

    Raises:
        InputError: the crops are too small or of the other parity.
    """
    crops = tf.convert_to_tensor(crops, tf.float32)
    size, least = crops.shape[1], crop_size(patch, reach)
    if size < least or (size - patch) % 2:
        raise InputError(
            f"crops of {size} pixels: expected {least} or more by an even number, for patches of {patch} moved by up to {reach:g}"
        )
    batch, seeds = tf.shape(crops)[0], draws.split(seed, 2)
    grid = tf.tile(tf.constant(geometry.centred_grid(patch, patch).reshape(1, -1, 2)), (batch, 1, 1))
    field = displacement.displacement_at(random_field(batch, patch, reach, seeds[0]), SPACING, grid)  # (batch, patch^2, 2)
    places = grid + draws.uniform(tf.stack([batch, 1, 2]), seeds[1], -0.5, 0.5)
    fixed, moving = (tf.reshape(bilinear(crops, one), (-1, patch, patch)) for one in (places + field, places))
    return fixed, moving, tf.reshape(field, (-1, patch, patch, 2))


def random_field(batch, patch, reach, seed):
    """Random diffeomorphisms (batch, nodes, nodes, 2) of a square of `patch` pixels, at nodes `SPACING` pixels apart."""
    count = displacement.grid_size(patch, patch, SPACING)[0]
    seeds = draws.split(seed, len(GRIDS) + 1)
    flow = tf.zeros((batch, count, count, 2))
    for (parts, share), own in zip(GRIDS.items(), tf.unstack(seeds)[1:], strict=True):
        spacing = (count - 1) / parts
        controls = splines.controls(count, spacing)
        drawn = draws.normal(tf.stack([batch, controls, controls, 2]), own)
        flow += share * splines.dense(drawn, spacing, count, count)
    furthest = tf.reduce_max(tf.norm(flow, axis=-1), axis=(1, 2))
    furthest = reach * draws.uniform((batch,), seeds[0], LEAST, 1.0) / furthest
    return velocity.exponential(flow * furthest[:, None, None, None], SPACING, SQUARINGS)

"""tf.data pipelines of image pairs: simulated from clean images, drawn from a noisy stack, or cut from photos.

Every dataset yields ``(inputs, truth)``: `inputs` a dict of ``fixed``, ``moving`` float32 (batch, height, width), each image of
mean 0 and standard deviation 1; `truth` a dict of ``angle`` (batch,) degrees and ``shift`` (batch, 2) pixels that bring moving
onto fixed, NaN where unknown. The truth travels along for evaluation and never enters a loss. Datasets are endless, and the same
seed gives the same pairs: batch n depends on the seed and on n alone, and a dataset may begin with any of them (`start`): so
an interrupted training goes on.
"""

import numpy as np
import tensorflow as tf

from pipelines import draws, geometry, noise
from pipelines.geometry.warp import warp
from pipelines.normalise import normalise
from pipelines.pairs.photo_pair import photo_pair
from pipelines.pictures.particles import Particles


def simulated(images, noise_spec, batch, seed, max_shift=10.0, start=0):
    """`from_particles` of clean images float32 (count, height, width), `batch` pairs at a time."""
    return from_particles(Particles(images, batch, seed).crops(start), noise_spec, seed, max_shift, start)


def from_particles(crops, noise_spec, seed, max_shift=10.0, start=0):
    """The paper's cryo recipe (section 4.1): both images of a pair are one clean image, turned, moved, and made noisy.

    Args:
        crops: dataset of clean images (batch, height, width), background zero, which is what comes in at the edges; see
            `pipelines.pictures.particles.Particles`.
        noise_spec: `noise.Noise`. seed: integer.
        max_shift: pixels; dx and dy of each image are uniform within +-max_shift.
        start: number of the first batch of `crops`.
    """

    def make(number, chosen):
        return of_particles(chosen, noise_spec, seed, number, max_shift)

    return _on_accelerator(crops.enumerate(start), make)


def of_particles(chosen, noise_spec, seed, number, max_shift=10.0):
    """Element `number` of `from_particles` for clean images (batch, height, width)."""
    seeds = draws.split(_seed(seed, number), 7)  # the first one chose the images
    batch = tf.shape(chosen)[0]
    poses, noisy = [], []
    for i in (1, 4):
        angle = draws.uniform((batch,), seeds[i], 0.0, 360.0)
        shift = draws.uniform((batch, 2), seeds[i + 1], -max_shift, max_shift)
        poses.append((angle, shift))
        noisy.append(normalise(noise.apply(noise_spec, warp(chosen, angle, shift), seeds[i + 2])))
    # Each image is its pose applied to the clean one: back from the moving one, then on to the fixed one.
    truth = geometry.compose(geometry.inverse(*poses[1]), poses[0])
    return _element(noisy[0], noisy[1], truth)


@tf.autograph.experimental.do_not_convert
def from_stack(pools, batch, seed, poses=None, start=0):
    """Pairs of two different images of a stack.

    Args:
        pools: `pipelines.pairs.stack_pools.Pools`. batch, seed, start: as above.
        poses: None, or (angle (count,), shift (count, 2)) that bring each image of the whole stack onto one reference.
    """
    known = poses is not None
    angles = tf.constant(poses[0] if known else [np.nan], tf.float32)
    shifts = tf.constant(poses[1] if known else [[np.nan, np.nan]], tf.float32)

    def draw(number, images, indices):
        seeds = draws.split(_seed(seed, number), 2)
        count = tf.shape(images)[0]
        first = tf.random.stateless_uniform((batch,), seeds[0], 0, count, tf.int32)
        other = (first + tf.random.stateless_uniform((batch,), seeds[1], 1, count, tf.int32)) % count
        pose = [
            (tf.gather(angles, rows), tf.gather(shifts, rows))
            for rows in (tf.gather(indices, part) if known else tf.zeros_like(part) for part in (first, other))
        ]
        truth = geometry.compose(pose[1], geometry.inverse(*pose[0]))  # moving -> reference -> fixed
        return _element(normalise(tf.gather(images, first)), normalise(tf.gather(images, other)), truth)

    # A pool serves as many batches as it holds images of each batch once, so larger stacks are seen evenly.
    times = max(int(pools.size) // batch, 1)
    turn, used = divmod(start, times)

    def batches(turn, pool):
        numbers = tf.data.Dataset.range(times).map(lambda n: turn * times + n)
        return numbers.map(lambda n: draw(n, *pool))

    return pools.starting(turn).enumerate(turn).flat_map(batches).skip(used).prefetch(2)


def from_photos(crops, choose_noise, seed, patch=128, max_shift=10.0, start=0, max_angle=180.0):
    """The paper's natural-image recipe (section 4.1) on crops of photos.

    Args:
        crops: dataset of float32 (batch, size, size), see `pipelines.pictures.crops.Pictures`.
        patch, max_shift, max_angle: see `pairs.photo_pair`.
        choose_noise: ``(images, seed) -> images``, the noise of each patch. start: number of the first batch of `crops`.
    """

    def make(number, images):
        return of_photos(images, choose_noise, seed, number, patch, max_shift, max_angle)

    return _on_accelerator(crops.enumerate(start), make)


def of_photos(images, choose_noise, seed, number, patch=128, max_shift=10.0, max_angle=180.0):
    """Element `number` of `from_photos` for crops (batch, size, size)."""
    seeds = draws.split(_seed(seed, number), 3)
    fixed, moving, angle, shift = photo_pair(images, seeds[0], patch, max_shift, max_angle)
    fixed, moving = choose_noise(fixed, seeds[1]), choose_noise(moving, seeds[2])
    return _element(normalise(fixed), normalise(moving), (angle, shift))


def collect(dataset, count):
    """The first `count` pairs of a dataset as (inputs, truth) of NumPy arrays."""
    parts, have = [], 0
    for element in dataset.as_numpy_iterator():
        parts.append(element)
        have += len(element[0]["fixed"])
        if have >= count:
            break
    return tf.nest.map_structure(lambda *arrays: np.concatenate(arrays)[:count], *parts)


def _element(fixed, moving, truth):
    return {"fixed": fixed, "moving": moving}, {"angle": truth[0], "shift": truth[1]}


def _seed(seed, number):
    """A stateless seed (2,) of a dataset's seed and an element's number."""
    return tf.stack([tf.cast(seed, tf.int32), tf.cast(number, tf.int32)])


@tf.autograph.experimental.do_not_convert
def _on_accelerator(dataset, make):
    """Map `make` over a dataset on the GPU where there is one, else on all cores; in the scope of a strategy on the latter."""
    if tf.config.list_logical_devices("GPU") and not tf.distribute.has_strategy():
        dataset = dataset.apply(tf.data.experimental.copy_to_device("/GPU:0"))
        with tf.device("/GPU:0"):
            return dataset.map(make).prefetch(1)
    return dataset.map(make, num_parallel_calls=2, deterministic=True).prefetch(2)

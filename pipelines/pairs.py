"""tf.data pipelines of image pairs: simulated from clean images, drawn from a noisy stack, or cut from photos.

Every dataset yields ``(inputs, truth)``: `inputs` a dict of ``fixed``, ``moving`` float32 (batch, height, width), each image of
mean 0 and standard deviation 1; `truth` a dict of ``angle`` (batch,) degrees and ``shift`` (batch, 2) pixels that bring moving
onto fixed, NaN where unknown. The truth travels along for evaluation and never enters a loss. Datasets are endless, and the same
seed gives the same pairs.
"""

import logging

import numpy as np
import tensorflow as tf

from pipelines import geometry, noise, photos
from pipelines.errors import InputError
from pipelines.normalise import normalise, report_unusable, unusable, usable
from pipelines.resample import fourier_resample
from pipelines.warp import warp

BLOCK = 256  # neighbouring images of a stack that are read together

LOG = logging.getLogger(__name__)


def simulated(images, noise_spec, batch, seed, max_shift=10.0):
    """The paper's cryo recipe (section 4.1): both images of a pair are one clean image, turned, moved, and made noisy.

    Args:
        images: clean float32 (count, height, width); one of them is drawn for each pair. Its background, the median of its
            border, becomes zero, which is what comes in at the edges.
        noise_spec: `noise.Noise`. batch: pairs at a time. seed: integer.
        max_shift: pixels; dx and dy of each image are uniform within +-max_shift.
    """
    images = tf.constant(without_background(images))
    count = images.shape[0]

    def make(number):
        seeds = tf.random.experimental.stateless_split(_seed(seed, number), 7)
        chosen = tf.gather(images, tf.random.stateless_uniform((batch,), seeds[0], 0, count, tf.int32))
        poses, noisy = [], []
        for i in (1, 4):
            angle = tf.random.stateless_uniform((batch,), seeds[i], 0.0, 360.0)
            shift = tf.random.stateless_uniform((batch, 2), seeds[i + 1], -max_shift, max_shift)
            poses.append((angle, shift))
            noisy.append(normalise(noise.apply(noise_spec, warp(chosen, angle, shift), seeds[i + 2])))
        # Each image is its pose applied to the clean one: back from the moving one, then on to the fixed one.
        truth = geometry.compose(geometry.inverse(*poses[1]), poses[0])
        return _element(noisy[0], noisy[1], truth)

    return _on_accelerator(tf.data.Dataset.range(np.iinfo(np.int64).max), make)


def from_stack(pool, batch, seed, poses=None):
    """Pairs of two different images of a stack.

    Args:
        pool: endless dataset of (images (n, height, width), their indices (n,)), see `pools`.
        batch, seed: as above. poses: None, or (angle (count,), shift (count, 2)) that bring each image of the whole stack
            onto one reference.
    """
    known = poses is not None
    angles = tf.constant(poses[0] if known else [np.nan], tf.float32)
    shifts = tf.constant(poses[1] if known else [[np.nan, np.nan]], tf.float32)

    def draw(number, images, indices):
        seeds = tf.random.experimental.stateless_split(_seed(seed, number), 2)
        count = tf.shape(images)[0]
        first = tf.random.stateless_uniform((batch,), seeds[0], 0, count, tf.int32)
        other = (first + tf.random.stateless_uniform((batch,), seeds[1], 1, count, tf.int32)) % count
        pose = [
            (tf.gather(angles, rows), tf.gather(shifts, rows))
            for rows in (tf.gather(indices, part) if known else tf.zeros_like(part) for part in (first, other))
        ]
        truth = geometry.compose(pose[1], geometry.inverse(*pose[0]))  # moving -> reference -> fixed
        return _element(normalise(tf.gather(images, first)), normalise(tf.gather(images, other)), truth)

    def batches(turn, pool_images):
        images, indices = pool_images
        # A pool serves as many batches as it holds images of each batch once, so larger stacks are seen evenly.
        times = tf.maximum(tf.shape(images, tf.int64)[0] // batch, 1)
        numbers = tf.data.Dataset.range(times).map(lambda n: turn * times + n)
        return numbers.map(lambda n: draw(n, images, indices))

    return pool.enumerate().flat_map(batches).prefetch(2)


def pools(source, rows, box, seed, size=1024):
    """Walk through a stack that may be larger than memory in random contiguous blocks, `size` images at a time.

    Python reads one block of files at a time, not one image; everything after is TensorFlow.

    Args:
        source: `pipelines.source.Source`. rows: indices (n,) that may be used. box: the images are resampled to it.
        seed: of the order, which is another one in every pass. size: images held at a time.

    Returns:
        Endless tf.data.Dataset of (images float32 (<= size, box, box), indices int32 (<= size,)). Images that are not finite or
        constant are left out, and named in the log once.

    Raises:
        InputError: fewer than two images, or fewer than two that can be used.
    """
    rows = np.asarray(rows, np.int32)
    block = min(BLOCK, size)
    _require_a_pair(source, rows, block)

    def clean(images, indices):
        good = usable(images)
        images = fourier_resample(tf.boolean_mask(images, good), box)
        return tf.ensure_shape(images, (None, box, box)), tf.boolean_mask(indices, good)

    if len(rows) <= size:  # it fits: read once, keep
        images = source.read(rows)
        _report(source, images, rows)
        return tf.data.Dataset.from_tensors(clean(images, tf.constant(rows))).repeat()

    def blocks(turn):
        pieces = np.array_split(rows, -(-len(rows) // block))
        # Drawn anew from the pass's number: whoever walks through the dataset, and how often, sees the same order.
        np.random.default_rng((seed, int(turn))).shuffle(pieces)
        for start in range(0, len(pieces), size // block):
            chosen = np.sort(np.concatenate(pieces[start : start + size // block]))
            images = source.read(chosen)
            if turn == 0:
                _report(source, images, chosen)
            yield images, chosen

    signature = (tf.TensorSpec((None, *source.shape), tf.float32), tf.TensorSpec((None,), tf.int32))

    def one_pass(turn):
        return tf.data.Dataset.from_generator(blocks, args=(turn,), output_signature=signature)

    read = tf.data.Dataset.range(np.iinfo(np.int64).max).flat_map(one_pass).map(clean)
    return read.filter(lambda images, indices: tf.shape(indices)[0] > 1)


def _report(source, images, rows):
    """Log one line that names the images of a block which are left out, if any."""
    message = report_unusable(*(rows[found] for found in unusable(images)))
    if message:
        LOG.warning("%s: %s", source.path, message)


def _require_a_pair(source, rows, block):
    """InputError unless two of the images can be used; reads no further than it must."""
    found = 0
    for start in range(0, len(rows), block):
        found += np.count_nonzero(usable(source.read(rows[start : start + block])))
        if found > 1:
            return
    raise InputError(
        f"{source.path}: {found} of {len(rows)} image(s) are finite and not constant, expected at least 2 to make pairs"
    )


def from_photos(crops, choose_noise, seed, patch=128, max_shift=10.0):
    """The paper's natural-image recipe (section 4.1) on crops of photos.

    Args:
        crops: dataset of float32 (batch, size, size), see `photos.photo_crops`. patch, max_shift: see `photos.photo_pair`.
        choose_noise: ``(images, seed) -> images``, the noise of each patch.
    """

    def make(number, images):
        seeds = tf.random.experimental.stateless_split(_seed(seed, number), 3)
        fixed, moving, angle, shift = photos.photo_pair(images, seeds[0], patch, max_shift)
        fixed, moving = choose_noise(fixed, seeds[1]), choose_noise(moving, seeds[2])
        return _element(normalise(fixed), normalise(moving), (angle, shift))

    return _on_accelerator(crops.enumerate(), make)


def without_background(images):
    """Images (count, height, width) less the median of each one's border, float32."""
    images = np.asarray(images, np.float32)
    border = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1)
    return images - np.median(border, axis=1)[:, None, None]


def collect(dataset, count):
    """The first `count` pairs of a dataset as (inputs, truth) of NumPy arrays."""
    parts, have = [], 0
    for element in dataset.as_numpy_iterator():
        parts.append(element)
        have += len(element[1]["angle"])
        if have >= count:
            break
    return tf.nest.map_structure(lambda *arrays: np.concatenate(arrays)[:count], *parts)


def _element(fixed, moving, truth):
    return {"fixed": fixed, "moving": moving}, {"angle": truth[0], "shift": truth[1]}


def _seed(seed, number):
    """A stateless seed (2,) of a dataset's seed and an element's number."""
    return tf.stack([tf.cast(seed, tf.int32), tf.cast(number, tf.int32)])


def _on_accelerator(dataset, make):
    """Map `make` over a dataset on the GPU where there is one, else on all cores."""
    if tf.config.list_logical_devices("GPU"):
        dataset = dataset.apply(tf.data.experimental.copy_to_device("/GPU:0"))
        with tf.device("/GPU:0"):
            return dataset.map(make).prefetch(1)
    return dataset.map(make, num_parallel_calls=2, deterministic=True).prefetch(2)

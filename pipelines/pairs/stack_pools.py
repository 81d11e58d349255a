"""Walks through a stack that may be larger than memory in pools of random contiguous blocks, from any point on."""

import logging

import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.normalise import report_unusable, unusable, usable
from pipelines.spectra.resample import fourier_resample

BLOCK = 256  # neighbouring images of a stack that are read together
MOST = np.iinfo(np.int64).max

LOG = logging.getLogger(__name__)


class Pools:
    """The images of a stack, `size` at a time, in another order in every pass; pool n is the same whenever it is asked for.

    Python reads one block of files at a time, not one image; everything after is TensorFlow. Images that are not finite or
    constant are left out, and named in the log once.

    Args:
        source: `pipelines.files.source.Source`. rows: indices (n,) that may be used. box: the images are resampled to it.
        seed: of the order. size: images held at a time.

    Attributes:
        size: images in a pool, on average, unusable ones counted.

    Raises:
        InputError: fewer than two images, or fewer than two that can be used.
    """

    def __init__(self, source, rows, box, seed, size=1024):
        self._source, self._rows, self._box, self._seed = source, np.asarray(rows, np.int32), box, seed
        block = min(BLOCK, size)
        self._stand_in = self._first_with_a_pair(block)
        self._pieces = np.array_split(self._rows, -(-len(self._rows) // block))
        self._per_pass = -(-len(self._pieces) // (size // block))
        self.size = len(self._rows) / self._per_pass
        self._kept = None
        if len(self._rows) <= size:  # it fits: read once, keep
            images = source.read(self._rows)
            self._report(images, self._rows)
            self._kept = self._clean(images, tf.constant(self._rows))

    @tf.autograph.experimental.do_not_convert
    def starting(self, number=0):
        """Endless tf.data.Dataset of pools from pool `number` on: (images float32 (n, box, box), indices int32 (n,)), n > 1."""
        if self._kept is not None:
            return tf.data.Dataset.from_tensors(self._kept).repeat()
        signature = (tf.TensorSpec((None, *self._source.shape), tf.float32), tf.TensorSpec((None,), tf.int32))
        first, skipped = divmod(number, self._per_pass)

        def one_pass(turn):
            begin = tf.where(turn == first, tf.constant(skipped, tf.int64), tf.constant(0, tf.int64))
            return tf.data.Dataset.from_generator(self._read, args=(turn, begin), output_signature=signature)

        return tf.data.Dataset.range(first, MOST).flat_map(one_pass).map(self._clean)

    def _read(self, turn, begin):
        """Yield the raw images and indices of the pools of a pass from pool `begin` of it on."""
        pieces = list(self._pieces)
        # Drawn anew from the pass's number: whoever walks through the dataset, and from where, sees the same order.
        np.random.default_rng((self._seed, int(turn))).shuffle(pieces)
        bounds = np.linspace(0, len(pieces), self._per_pass + 1).astype(int)
        for low, high in zip(bounds[begin:], bounds[begin + 1 :], strict=False):
            chosen = np.sort(np.concatenate(pieces[low:high]))
            images = self._source.read(chosen)
            if turn == 0:
                self._report(images, chosen)
            if np.count_nonzero(usable(images)) < 2:
                chosen = self._stand_in
                images = self._source.read(chosen)
            yield images, chosen

    def _clean(self, images, indices):
        """The usable images, resampled, and their indices."""
        good = usable(images)
        images = fourier_resample(tf.boolean_mask(images, good), self._box)
        return tf.ensure_shape(images, (None, self._box, self._box)), tf.boolean_mask(indices, good)

    def _report(self, images, rows):
        """Log one line that names the images of a pool which are left out, if any."""
        message = report_unusable(*(rows[found] for found in unusable(images)))
        if message:
            LOG.warning("%s: %s", self._source.path, message)

    def _first_with_a_pair(self, block):
        """The first few rows of which two can be used, for pools that have none; reads no further than it must."""
        found, since = 0, 0
        for start in range(0, len(self._rows), block):
            rows = self._rows[start : start + block]
            here = np.count_nonzero(usable(self._source.read(rows)))
            since = start if not found else since
            found += here
            if found > 1:
                return self._rows[since : start + block]
        raise InputError(
            f"{self._source.path}: {found} of {len(self._rows)} image(s) are finite and not constant, "
            "expected at least 2 to make pairs"
        )

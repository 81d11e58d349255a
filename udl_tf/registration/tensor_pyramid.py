"""`Pyramid` of pictures that are tensors: all of their pixels in a graph, for a batch of one size."""

import tensorflow as tf

from pipelines.normalise import usable


class TensorPyramid:
    """Grey pictures and their reductions by 2, 4, 8 ..., each the mean of two by two pixels, see `Pyramid`.

    Args:
        images: float32 (n, height, width). levels: of the last one.

    Attributes:
        size: int32 (2,), height and width. good: (n,) bool, which are finite and not constant; the others are seen as zeros.
        deviation: float64 (n,) of each picture, 1 of those that are not good.
    """

    def __init__(self, images: tf.Tensor, last: tf.Tensor):
        self.size = tf.shape(images)[1:]
        good = usable(images)
        images = tf.where(good[:, None, None], images, 0.0)
        offset = tf.reduce_mean(images[:, ::7, ::7], [1, 2])
        images -= offset[:, None, None]
        mean = tf.cast(tf.reduce_mean(images, [1, 2]), tf.float64)
        square = tf.cast(tf.reduce_mean(tf.square(images), [1, 2]), tf.float64)
        variance = square - tf.square(mean)
        self.good = good & (variance > 1e-12 * (square + tf.square(tf.cast(offset, tf.float64))))
        self.deviation = tf.sqrt(tf.where(self.good, variance, 1.0))
        levels = tf.TensorArray(tf.float32, last + 1, infer_shape=False, clear_after_read=False, element_shape=(None, None, None))

        def halve(number, image, levels):
            half = _halved(image)
            return number + 1, half, levels.write(number, half)

        anything = tf.TensorShape((None, None, None))
        _, _, self._levels = tf.while_loop(
            lambda number, *_: number <= last,
            halve,
            (1, images, levels.write(0, images)),
            shape_invariants=(tf.TensorShape(()), anything, None),
            parallel_iterations=1,
        )

    def level(self, number: tf.Tensor) -> tf.Tensor:
        """Pictures (n, height, width) of a level, less about their mean."""
        return tf.ensure_shape(self._levels.read(number), (None, None, None))


def _halved(images):
    """Means of two by two pixels; what is left over at the right and at the bottom is dropped."""
    height, width = (2 * (side // 2) for side in tf.unstack(tf.shape(images)[1:]))
    images = images[:, :height, :width]
    images = images[:, ::2] + images[:, 1::2]
    return (images[:, :, ::2] + images[:, :, 1::2]) * 0.25

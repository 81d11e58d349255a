"""Functions of averaging and comparison, compiled once for chunks of any length."""

import functools

import tensorflow as tf

from udl_tf.particles import averaging
from udl_tf.particles.masks import framed, window_of
from udl_tf.particles.refinement import ReferenceRefinement
from udl_tf.particles.rings import Rings


@functools.lru_cache(maxsize=2)
def averaging_of(box):
    """The `Averaging` of images of a size."""
    return Averaging(box)


@functools.lru_cache(maxsize=8)
def comparison_of(box, highest):
    """The `Comparison` of images of a size, up to a frequency."""
    return Comparison(box, highest)


class Averaging:
    """What a chunk adds to averages and noise spectra."""

    def __init__(self, box):
        window = window_of(box)
        images, ctfs = tf.TensorSpec((None, box, box)), tf.TensorSpec((None, box, box // 2 + 1))
        batch = [tf.TensorSpec((None,)), tf.TensorSpec((None, 2)), tf.TensorSpec((None,)), tf.TensorSpec((None,), tf.int32)]
        plain = tf.function(
            lambda images, *rest: averaging.sums(images, None, *rest), input_signature=[images, *batch], autograph=False
        )
        corrected = tf.function(averaging.sums, input_signature=[images, ctfs, *batch], autograph=False)
        self._sums = plain, corrected
        self.rings = Rings(box)
        self.windowed_power = tf.function(
            lambda images: tf.square(tf.abs(tf.signal.rfft2d(framed(images, window)))), input_signature=[images], autograph=False
        )

    def sums(self, images, ctfs, *rest):
        """`averaging.sums`; ctfs may be None."""
        plain, corrected = self._sums
        return plain(images, *rest) if ctfs is None else corrected(images, ctfs, *rest)


class Comparison:
    """`ReferenceRefinement` of images seen through the window."""

    def __init__(self, box, highest):
        refinement = self.refinement = ReferenceRefinement(box, highest)
        window = window_of(box)
        count, rings = len(refinement.points), refinement.highest + 1
        images, ctfs = tf.TensorSpec((None, box, box)), tf.TensorSpec((None, box, box // 2 + 1))
        vector, points = tf.TensorSpec((None,)), tf.TensorSpec((None, count))
        spectra, shift = tf.TensorSpec((None, count), tf.complex64), tf.TensorSpec((None, 2))
        table = tf.TensorSpec((refinement.height * refinement.width, 16))
        power, own = tf.TensorSpec((rings,)), tf.TensorSpec((None, rings))
        self.round = tf.function(refinement.round, input_signature=[table], autograph=False)
        even = tf.TensorSpec((count,), tf.complex64)
        self.step = tf.function(
            refinement.step, input_signature=[table, even, spectra, points, power, own, vector, shift], autograph=False
        )
        self.table = tf.function(refinement.table, input_signature=[images], autograph=False)
        self.sampled = tf.function(refinement.sampled, input_signature=[ctfs], autograph=False)
        self.spectra = tf.function(
            lambda images: refinement.spectra(framed(images, window)), input_signature=[images], autograph=False
        )

"""Crops drawn by operations that XLA has."""

import numpy as np
import tensorflow as tf

from pipelines import xla
from pipelines.pictures.crops import crop_size
from pipelines.pictures.crops_in_memory import crops_in_memory

PATCH, SHIFT = 32, 2.0
SIDE = crop_size(PATCH, SHIFT)


def numbered(count, height, width):
    """Pictures whose grey levels tell the picture, the row and the column modulo 16, rows and columns textured."""
    rows, columns = np.mgrid[:height, :width] % 4
    return np.stack([16 * rows + 64 * columns + n for n in range(count)]).astype(np.uint8)


def test_crops_are_cut_from_one_picture_at_one_place():
    pictures = numbered(5, SIDE + 9, SIDE + 14)
    crops = crops_in_memory(tf.constant(pictures), 16, 0, 3, PATCH, SHIFT).numpy()
    assert crops.shape == (16, SIDE, SIDE)
    whole = [{pictures[n, y : y + SIDE, x : x + SIDE].tobytes() for y in range(10) for x in range(15)} for n in range(5)]
    which = [next(n for n in range(5) if crop.astype(np.uint8).tobytes() in whole[n]) for crop in crops]
    assert len(set(which)) > 2


def test_a_place_with_texture_is_taken():
    """One picture in four is blank: all four places of a crop are with a chance of 1/256."""
    pictures = numbered(4, SIDE, SIDE)
    pictures[1] = 100
    crops = np.concatenate([crops_in_memory(tf.constant(pictures), 32, 0, n, PATCH, SHIFT).numpy() for n in range(4)])
    assert np.mean(crops.std((1, 2)) == 0) < 0.05


def test_the_same_in_an_xla_program():
    pictures = tf.constant(numbered(3, SIDE + 5, SIDE + 5))

    @tf.function(jit_compile=True, autograph=False)
    def program(number):
        with xla.program():
            return crops_in_memory(pictures, 4, 11, number, PATCH, SHIFT)

    for number in (0, 5):
        np.testing.assert_array_equal(program(tf.constant(number)), crops_in_memory(pictures, 4, 11, number, PATCH, SHIFT))

"""Images that stand in a stack more than once."""

import numpy as np

from pipelines.files.source import ArraySource
from udl_tf.particles.duplicates import first_of_each, halves, sentence

IMAGES = np.random.default_rng(0).normal(size=(6, 8, 8)).astype(np.float32)


def test_copies_are_found_wherever_they_stand():
    source = ArraySource(IMAGES[[0, 1, 0, 2, 1, 0]])
    assert first_of_each(source).tolist() == [0, 1, 0, 3, 1, 0]


def test_all_rows_of_one_image_are_in_one_half_and_halves_are_as_they_were_without_copies():
    assert halves(np.array([0, 1, 0, 3, 1, 0])).tolist() == [0, 1, 0, 0, 1, 0]
    assert halves(np.arange(7)).tolist() == [0, 1, 0, 1, 0, 1, 0]
    each_twice = halves(np.repeat(np.arange(0, 12, 2), 2))  # each row twice: even and odd rows were the same images
    assert each_twice.tolist() == [0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1]


def test_they_are_told():
    assert sentence(np.arange(4)) is None
    told = sentence(np.array([0, 0, 2, 2]))
    assert told.startswith("2 of 4 images are copies of others (2 is 1, 4 is 3):") and "one of 2 images" in told
    assert "and 3 more" in sentence(np.zeros(9, int))

"""Negatives: told to the aligner, and found by it."""

import numpy as np
import pytest

from pipelines.errors import InputError
from udl_tf.alignment.contrast import align

ANGLES = np.array([20.0, -110.0, 75.0])


@pytest.fixture(scope="module")
def pairs(picture):
    noise = np.random.default_rng(0).normal(size=(2, 3, 64, 64)) * 0.3
    return picture(np.zeros(3), np.zeros((3, 2))) + noise[0], picture(-ANGLES, np.zeros((3, 2))) + noise[1]


def test_a_negative_is_aligned_as_such(aligner, pairs):
    fixed, moving = pairs
    same, none = align(aligner, fixed, moving, "same")
    told, all_of_them = align(aligner, fixed, 100.0 - moving, "inverted")
    np.testing.assert_allclose(told.angle, same.angle, atol=1e-2)
    np.testing.assert_allclose(same.angle, ANGLES, atol=2.0)
    assert not none.any() and all_of_them.all()


def test_whichever_it_is_is_found_and_told(aligner, pairs):
    fixed, moving = pairs
    mixed = moving * np.array([1.0, -1.0, -1.0])[:, None, None]
    found, inverted = align(aligner, fixed, mixed, "any")
    assert inverted.tolist() == [False, True, True]
    np.testing.assert_allclose(found.angle, ANGLES, atol=2.0)
    same, _ = align(aligner, fixed, moving, "same")
    assert np.all(found.score <= same.score + 1e-6)


def test_another_word_is_refused(aligner, pairs):
    with pytest.raises(InputError, match="expected one of same, inverted, any"):
        align(aligner, *pairs, "negative")

"""Levels, patches, and what is no picture."""

import numpy as np
import pytest

from pipelines.errors import InputError
from udl_tf.registration.pyramid import Pyramid


def test_levels_are_means_of_two_by_two_pixels():
    image = np.random.default_rng(0).integers(0, 4000, (37, 50)).astype(np.uint16)
    pyramid = Pyramid(image)
    assert [pyramid.level(k).shape for k in (0, 1, 2)] == [(37, 50), (18, 25), (9, 12)]
    mean = image[:36, :50].astype(float).reshape(18, 2, 25, 2).mean((1, 3))
    np.testing.assert_allclose(pyramid.level(1) + pyramid.offset, mean, atol=1e-2)
    assert pyramid.deviation == pytest.approx(image.std(), rel=1e-4)
    assert pyramid.level(0) is image


def test_a_patch_repeats_the_border_outside():
    image = np.arange(20.0 * 16).reshape(20, 16)
    pyramid = Pyramid(image)
    for left, top in ((-3, -2), (12, 15), (5, 5), (-40, 3), (30, 30), (-4, -30)):
        rows, columns = np.clip(np.arange(top, top + 8), 0, 19), np.clip(np.arange(left, left + 9), 0, 15)
        found = pyramid.patch(0, left, top, (8, 9)) + pyramid.offset
        np.testing.assert_allclose(found, image[np.ix_(rows, columns)], atol=1e-3)


@pytest.mark.parametrize(
    "image, message",
    [
        (np.ones((30, 30)), "is constant"),
        (np.full((30, 30), np.nan), "not finite"),
        (np.ones((8, 30)), "16 pixels or more"),
        (np.ones((30, 30, 3)), "shape \\(30, 30, 3\\)"),
    ],
)
def test_what_is_no_picture_is_told(image, message):
    with pytest.raises(InputError, match=message):
        Pyramid(image, "fixed")

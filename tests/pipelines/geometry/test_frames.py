"""Rigid transforms between frames of two sizes: against `conventions`, `pixel_matrix`, and a picture worked out by hand."""

import numpy as np
import pytest

from pipelines import geometry
from pipelines.geometry import frames, pixel_matrix
from pipelines.geometry.transforms import Rigid

ANGLE, SHIFT = np.array([33.0, -170.0]), np.array([[4.0, -7.0], [0.5, 2.0]])


def test_they_are_the_conventions_in_double_precision():
    other = np.array([12.0, 5.0]), np.array([[1.0, 2.0], [-3.0, 0.0]])
    for found, expected in (
        (frames.compose((ANGLE, SHIFT), other), geometry.compose((ANGLE, SHIFT), other)),
        (frames.inverse(ANGLE, SHIFT), geometry.inverse(ANGLE, SHIFT)),
    ):
        np.testing.assert_allclose(found[0], expected[0], atol=1e-4)
        np.testing.assert_allclose(found[1], np.asarray(expected[1]), atol=1e-4)


def test_maps_of_equal_squares_are_those_of_registration_libraries():
    maps = frames.pixel_maps(ANGLE, SHIFT, (64, 64), (64, 64))
    for k in range(2):
        np.testing.assert_allclose(maps[k, :2], pixel_matrix.from_rigid(ANGLE[k], SHIFT[k], 64), atol=1e-9)


def test_maps_of_two_sizes_by_hand():
    # 3 x 5 pixels onto 7 x 9, turned to the left: the centre (2, 1) falls on (4, 3), shifted to (5, 1).
    (found,) = frames.pixel_maps(90.0, np.array([1.0, -2.0]), (7, 9), (3, 5))
    np.testing.assert_allclose(found @ [5.0, 1.0, 1.0], [2.0, 1.0, 1.0], atol=1e-12)
    # What lies to the right of the centre of the moving frame is above that place in the fixed one.
    np.testing.assert_allclose(found @ [5.0, 0.0, 1.0], [3.0, 1.0, 1.0], atol=1e-12)
    angle, shift = frames.from_pixel_maps(found[None], (7, 9), (3, 5))
    np.testing.assert_allclose([angle[0], *shift[0]], [90.0, 1.0, -2.0], atol=1e-9)


def test_another_centre():
    fixed, moving = np.array([3.0, 1.0]), np.array([-2.0, 5.0])
    found = frames.moved_centres(ANGLE, SHIFT, fixed, moving)
    # A point at the moving frame's other centre goes to the fixed frame's, plus the shift.
    np.testing.assert_allclose(frames.turned(ANGLE, np.stack([moving] * 2)) + found, fixed + SHIFT, atol=1e-12)


def test_the_error_over_a_frame_is_that_of_the_transform_types():
    one, other = Rigid(ANGLE, SHIFT), Rigid(ANGLE + [0.3, -0.1], SHIFT + 0.2)
    expected = one.error(other, 40, 60)
    assert frames.error(ANGLE, SHIFT, (other.angle, other.shift), (40, 60)) == pytest.approx(expected, rel=1e-3)

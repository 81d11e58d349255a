import numpy as np
import pytest

from udl_tf.views.polar_grid import PolarGrid, disc_of_shifts, into_image

BOX = 32


def plane_blob(x0, y0, width=2.0, box=BOX):
    y, x = np.mgrid[:box, :box] - box // 2
    return np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * width**2))[None]


@pytest.fixture(scope="module")
def grid():
    return PolarGrid(BOX, 6, 24, 14.0)


def test_a_blob_has_the_transform_of_a_gaussian(grid):
    found = grid.sample(plane_blob(0, 0))[0]  # (rings, half)
    ring = np.arange(1, 7)[:, None]
    expected = 2 * np.pi * 4.0 * np.exp(-2 * np.pi**2 * 4.0 * (ring / BOX) ** 2)
    np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), atol=1e-2)


def test_a_phase_moves_an_image_by_the_offset(grid):
    moved = grid.sample(plane_blob(0, 0)) * grid.phase(np.array([[2.0, -1.0]]), grid.half)
    np.testing.assert_allclose(moved, grid.sample(plane_blob(2, -1)), atol=2e-2)


def test_a_turn_is_a_cyclic_shift_over_the_angle(grid):
    right, down = (grid.whole(grid.sample(plane_blob(*place)))[0] for place in ((4, 0), (0, 4)))
    # x right, y down: the frequency at 90 degrees points down; the blob there looks as the right one does at 0 degrees
    np.testing.assert_allclose(down, np.roll(right, 24 // 4, -1), atol=2e-2)


def test_harmonics_and_circle_are_inverse(grid):
    circle = grid.whole(grid.sample(plane_blob(3, 2)))
    np.testing.assert_allclose(grid.circle(grid.harmonics(circle, grid.half)), circle, atol=1e-3)


def test_the_disc_of_shifts_holds_what_is_within_reach():
    assert sorted(map(tuple, disc_of_shifts(2.0, 1.0).tolist())) == sorted(
        (x, y) for x in (-2.0, -1.0, 0.0, 1.0, 2.0) for y in (-2.0, -1.0, 0.0, 1.0, 2.0) if x * x + y * y <= 4
    )


def test_a_shift_in_the_views_frame_is_turned_back_into_the_image():
    # R(90) takes (x, y) to (-y, x), so what is (0, 1) in the view's frame is (1, 0) in the image's.
    np.testing.assert_allclose(into_image(np.array([[0.0, 1.0]]), np.array([90.0])), [[1.0, 0.0]], atol=1e-6)

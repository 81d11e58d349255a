"""The conventions, against numbers worked out by hand and against complex numbers."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry


def close(value, expected, tolerance=1e-5):
    np.testing.assert_allclose(np.asarray(value), expected, atol=tolerance)


def moved(transform, points):
    """`points` (n, 2) under (angle, shift): with y up, a counter-clockwise turn multiplies x + iy by exp(i angle)."""
    angle, (dx, dy) = transform
    z = np.exp(1j * np.deg2rad(angle)) * (points[:, 0] - 1j * points[:, 1])
    return np.stack([z.real + dx, -z.imag + dy], -1)


POINTS = np.array([[3.0, 1.0], [-2.0, 5.0], [0.5, -4.0]])


@pytest.mark.parametrize("kind", [np.array, tf.constant])
def test_wrapped_angles_by_hand(kind):
    angles = kind([180.0, -180.0, 190.0, 540.0, -181.0, 725.0])
    close(geometry.wrap_degrees(angles), [-180.0, -180.0, -170.0, -180.0, 179.0, 5.0])
    close(geometry.wrap_degrees(kind([90.0, 100.0, -91.0, 179.0]), 180.0), [-90.0, -80.0, 89.0, -1.0])
    close(geometry.angular_distance(kind([350.0, 10.0]), kind([10.0, 200.0])), [20.0, 170.0])
    close(geometry.angular_distance(kind([350.0, 10.0]), kind([10.0, 200.0]), 180.0), [20.0, 10.0])


def test_a_turn_is_counter_clockwise_as_displayed():
    right, up, left = [1.0, 0.0], [0.0, -1.0], [-1.0, 0.0]
    close(geometry.rotate_points([90.0, 90.0], [right, up]), [up, left])
    close(geometry.rotate_points([30.0], [right]), [[np.sqrt(0.75), -0.5]])
    close(geometry.rotation_matrix(90.0), [[0.0, 1.0], [-1.0, 0.0]])


def test_composition_by_hand():
    # (2, 0) is turned to (0, -2) by the second transform, which then adds (0, 3).
    angle, shift = geometry.compose((tf.constant(90.0), tf.constant([2.0, 0.0])), (tf.constant(95.0), [0.0, 3.0]))
    close(angle, -175.0)
    close(shift, np.array([2 * np.cos(np.deg2rad(95)), -2 * np.sin(np.deg2rad(95)) + 3.0]))
    angle, shift = geometry.compose((tf.constant(90.0), tf.constant([2.0, 0.0])), (tf.constant(90.0), [0.0, 3.0]))
    close((angle, *shift), (-180.0, 0.0, 1.0))


def test_composition_and_inverse_move_points_as_they_say():
    first, second = (40.0, (1.5, -3.0)), (-115.0, (4.0, 0.25))
    batch = [(tf.constant([angle]), tf.constant([shift])) for angle, shift in (first, second)]
    angle, shift = geometry.compose(*batch)
    close(moved((angle[0], shift[0]), POINTS), moved(second, moved(first, POINTS)), 1e-4)
    angle, shift = geometry.inverse(*batch[0])
    close(moved((angle[0], shift[0]), moved(first, POINTS)), POINTS, 1e-4)


def test_truth_of_a_disturbed_pair():
    truth, fixed, moving = (30.0, (1.0, 2.0)), (50.0, (3.0, -1.0)), (-120.0, (-2.0, 4.0))
    batch = [(tf.constant([angle]), tf.constant([shift])) for angle, shift in (truth, fixed, moving)]
    angle, shift = geometry.disturbed_truth(*batch)
    close(angle, [-160.0], 1e-4)  # 30 + 50 + 120 = 200
    # From a point of the moving image: disturbed, or brought onto fixed and disturbed as fixed was.
    close(moved((angle[0], shift[0]), moved(moving, POINTS)), moved(fixed, moved(truth, POINTS)), 1e-4)


def test_sampling_transforms_by_hand():
    found = geometry.sampling_transform(tf.constant([0.0, 90.0]), tf.constant([[2.0, -1.0], [0.0, 0.0]]), 5, 5)
    close(found[0], [1, 0, -2, 0, 1, 1, 0, 0])  # what is at x came from x - 2
    close(found[1], [0, -1, 4, 1, 0, 0, 0, 0])  # the top (2, 0) came from the right (4, 2)
    found = geometry.sampling_transform(tf.constant([180.0]), tf.constant([[0.0, 0.0]]), 4, 7)
    close(found[0], [-1, 0, 6, 0, -1, 3, 0, 0])  # the centre of 7 x 4 pixels is (3, 1.5)


def test_grids_by_hand():
    grid = geometry.centred_grid(3, 4)
    assert grid.shape == (3, 4, 2)
    close(grid[0, 0], [-1.5, -1.0])
    close(grid[2, 3], [1.5, 1.0])
    close(geometry.polar_angles(4), [0, 90, 180, 270])
    close(geometry.polar_angles(4, 180.0), [0, 45, 90, 135])
    points = geometry.polar_points([0.0, 90.0, 135.0], [1.0, 2.0])
    half = np.sqrt(0.5)
    close(points, [[[1, 0], [2, 0]], [[0, -1], [0, -2]], [[-half, -half], [-2 * half, -2 * half]]])


def test_places_along_an_axis_in_halves_of_the_side():
    np.testing.assert_array_equal(geometry.halves_of_side(4), np.float32([-0.75, -0.25, 0.25, 0.75]))
    np.testing.assert_array_equal(geometry.halves_of_side(1), [0.0])
    assert geometry.halves_of_side(5).dtype == np.float32


def test_relion_by_hand():
    psi, offset = geometry.relion_from_rigid([90.0], [[0.0, -1.0]], 5)
    close(psi, [-90.0])
    close(offset, [[1.0, 0.0]])  # RELION moves right by 1 first, and the turn takes that to the top
    psi, offset = geometry.relion_from_rigid([-180.0], [[0.0, 0.0]], 4)
    close(psi, [-180.0])
    close(offset, [[1.0, 1.0]])  # its centre (2, 2) is half a pixel right of and below ours, so a half turn is no half turn


@pytest.mark.parametrize("size", [5, 6, 127, 128])
def test_relion_puts_every_pixel_where_we_put_it(size):
    rng = np.random.default_rng(size)
    angle, shift = rng.uniform(-180, 180, 20), rng.uniform(-9, 9, (20, 2))
    psi, offset = geometry.relion_from_rigid(angle, shift, size)
    pixels = rng.uniform(0, size, (7, 2))
    for i in range(20):
        ours = moved((angle[i], shift[i]), pixels - (size - 1) / 2) + (size - 1) / 2
        c, s = np.cos(np.deg2rad(psi[i])), np.sin(np.deg2rad(psi[i]))
        relion = (pixels - size // 2 + offset[i]) @ np.array([[c, -s], [s, c]]).T + size // 2
        close(relion, ours, 1e-9)
    again = geometry.rigid_from_relion(psi, offset, size)
    close(again[0], angle, 1e-9)
    close(again[1], shift, 1e-9)

import numpy as np

from udl_tf.views.centring import FAR, GAIN, centred, centres, errors
from udl_tf.views.expectation_maximisation import Fit
from udl_tf.views.model import Sums, Views
from udl_tf.views.polar_grid import PolarGrid

GRID = PolarGrid(32, 12, 60, 14.0)
MEMBERS = np.array([[2.0, -2.0], [0.0, 0.0], [1.0, 1.0], [1.0, -3.0]])  # mean (1, -1)
VARIANCE = ((2.0 + 10.0) / 2 + FAR**2) / 5 / 4  # by hand: squares along x and along y, of 4 members and one far away


def blob(x0, y0):
    y, x = np.mgrid[:32, :32] - 16
    image = np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 8.0)[None]
    return Views(GRID.whole(GRID.sample(image)).astype(np.complex64), np.ones(12, np.float32), np.ones(1))


def members(gained):
    return Fit(np.zeros(4, int), None, None, np.full(4, gained), None, None)


def moved(error, gained=GAIN + 1.0):
    """By how much a blob at (3, 2), whose members lie at (1, -1) on average, is moved; and its new centre of mass."""
    views, by = centred(GRID, blob(3, 2), members(gained), MEMBERS, error)
    return by[0], centres(GRID, views.averages)[0]


def test_a_centre_of_mass_that_is_surely_known_is_brought_to_the_middle():
    by, centre = moved(np.array([0.0]))
    np.testing.assert_allclose(by, [-3, -2], atol=0.05)
    np.testing.assert_allclose(centre, 0, atol=0.05)


def test_members_tell_where_the_middle_is_if_the_mass_does_not():
    by, centre = moved(np.array([1e6]))
    np.testing.assert_allclose(by, [-1, 1], atol=1e-3)
    np.testing.assert_allclose(centre, [2, 3], atol=0.1)


def test_members_of_noise_tell_nothing():
    by, _ = moved(np.array([1e6]), GAIN - 1.0)
    np.testing.assert_allclose(by, [-3, -2], atol=0.05)


def test_equally_sure_they_count_alike():
    by, _ = moved(np.array([np.sqrt(VARIANCE)]))
    np.testing.assert_allclose(by, [-2, -0.5], atol=0.05)


def test_the_error_of_a_centre_of_mass_falls_with_the_root_of_the_particles():
    views = blob(0, 0)
    few, many = (
        errors(GRID, views, Sums(views.averages * weight, np.full((1, 12), weight), np.ones(1)), np.random.default_rng(0))
        for weight in (1.0, 100.0)
    )
    assert 7 < few[0] / many[0] < 13

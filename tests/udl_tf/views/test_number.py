"""How many views particles need, by what others gain that were not learned from."""

import numpy as np
import pytest

from udl_tf.views import learning, number
from udl_tf.views.expectation_maximisation import improved
from udl_tf.views.known_poses import sums_at
from udl_tf.views.model import Views
from udl_tf.views.polar_grid import PolarGrid, disc_of_shifts
from udl_tf.views.polar_particles import polar_particles
from udl_tf.views.search import Search

BAND = 8
WIDE = Search(disc_of_shifts(3.0, 1.5), BAND)


@pytest.fixture(scope="module")
def particles(mixture):
    return polar_particles(PolarGrid(32, BAND, 48, 14.0), mixture[0])


def test_the_fewest_views_within_a_standard_error_are_taken():
    best = np.array([13.0, 11.0, 12.0, 12.0])
    near = best - np.array([1.0, -0.6, 0.2, 0.2])  # loses 0.2, standard error 0.28
    far = best - np.array([0.6, 0.2, 0.4, 0.4])  # loses 0.4, standard error 0.07
    assert number.fewest([{9: best, 7: near, 4: far}]) == 7
    assert number.fewest([{9: best, 7: far, 4: far}]) == 9


def test_several_turns_judge_together():
    """What one turn cannot tell, five can: the standard error is that of all their judges."""
    more, fewer = np.zeros(4), np.array([-0.6, 0.4, -0.4, 0.2])  # loses 0.1, standard error 0.21
    assert number.fewest([{5: more, 4: fewer}]) == 4
    assert number.fewest([{5: more, 4: fewer}] * 5) == 5  # standard error 0.092


def test_a_view_that_gains_its_particles_next_to_nothing_is_not_needed():
    """However sure the gain is: a fifth of the particles gains 0.15 nats, or 0.25."""
    more = np.zeros(4)
    assert number.fewest([{5: more, 4: more - 0.15 / 5}]) == 4
    assert number.fewest([{5: more, 4: more - 0.25 / 5}]) == 5


def test_between_numbers_that_were_tried_gains_are_linear():
    found = {8: np.array([4.0]), 4: np.array([2.0])}
    np.testing.assert_allclose([number._between(found, k)[0] for k in (4, 5, 6, 8, 20)], [2.0, 2.5, 3.0, 4.0, 4.0])


def test_empty_views_gain_what_their_noise_explains_better(particles):
    """By hand: the log-likelihood of Gaussian noise of twice the power, less that of the reference."""
    grid, reference = particles.grid, np.median(particles.power, 0)
    nothing = Views(np.zeros((2, BAND, 48), np.complex64), 2 * reference, np.array([20.0, 10.0]))
    rows = np.arange(7)
    power = particles.power[rows] / reference
    wanted = 0.5 * (grid.freedom * (power - power / 2 - np.log(2.0))).sum(1)
    np.testing.assert_allclose(number.explained(particles, rows, nothing, 30, WIDE), wanted, rtol=1e-3, atol=1e-2)


def test_a_view_split_in_vain_is_not_needed(mixture, particles):
    _, view, psi, offset = mixture
    judges = np.arange(0, len(view), 4)
    rows = np.setdiff1d(np.arange(len(view)), judges)
    label = np.where((view == 0) & (np.arange(len(view)) % 2 == 0), 3, view)  # half of view 0 has a class of its own
    search = Search(disc_of_shifts(1.0, 1.0), BAND, offset.astype(np.float32))
    sums = sums_at(particles, rows, label[rows], psi[rows], search.offset[rows], 4)
    views = sums.views(0.7 * np.median(particles.power, 0).astype(np.float32))
    views, fit, search = improved(particles, rows, views, search, (BAND, BAND))
    found = number.gains_by_number(particles, rows, judges, views, fit, search, WIDE)
    assert list(found)[:3] == [4, 3, 2]
    assert abs(found[3].mean() - found[4].mean()) < 0.1 and found[3].mean() > found[2].mean() + 1.0
    assert number.fewest([found]) == 3


@pytest.mark.once("long, and NumPy alone")
def test_three_views_are_found_to_be_three(monkeypatch, particles):
    monkeypatch.setattr(learning, "AUTO", 3)
    monkeypatch.setattr(learning, "TURNS", 2)
    told, rng = [], np.random.default_rng(0)
    rows, settings = np.arange(150), learning.Settings(None, reach=3.0, runs=1, again=0)
    assert learning.number_needed(particles, rows, settings, WIDE, rng, told.append) == 3
    assert told[-1] == "views needed: 3, by 2 of 2 turns"

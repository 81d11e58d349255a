"""Views begun anew: which are, when none is, and what is found among their members."""

import numpy as np

from udl_tf.views import renewal
from udl_tf.views.expectation_maximisation import Fit, step
from udl_tf.views.model import Views
from udl_tf.views.polar_grid import PolarGrid, disc_of_shifts
from udl_tf.views.polar_particles import polar_particles
from udl_tf.views.search import Search


def fit_of(label, evidence):
    return Fit(np.array(label), None, None, np.array(evidence), None, None)


def test_views_below_half_of_the_middle_one_explain_badly():
    poor, mean = renewal.badly(fit_of([0, 0, 1, 2], [10.0, 30.0, 9.0, 30.0]), 4)
    np.testing.assert_allclose(mean, [20, 9, 30, 0])
    # the middle of 0, 9, 20, 30 is 14.5
    assert poor.tolist() == [False, False, False, True]


def test_where_all_may_be_noise_nothing_is_renewed():
    views = Views(np.zeros((3, 1)), None, np.ones(3))
    assert renewal.renewed(None, np.arange(3), views, fit_of([0, 1, 2], [4.0, 4.0, 1.0]), None, None, None) is views


def test_views_lost_in_noise_are_found_among_their_members(mixture):
    images, view, *_ = mixture
    particles = polar_particles(PolarGrid(32, 10, 60, 14.0), images)
    rows, rng = np.arange(len(images)), np.random.default_rng(2)
    wide = Search(disc_of_shifts(3.0, 1.5), 10)
    noise = np.median(particles.power, 0)
    views = Views(particles.grid.whole(particles.samples[[0, 1, 2, 3, 4]]) * 0.05, noise, np.ones(5))
    label = np.where(view == 0, np.array([0, 3, 4])[rows // 3 % 3], view)  # three views hold the first of the mixture
    poor = fit_of(label, np.where(view == 0, 50.0, 1.0))
    found = renewal.renewed(particles, rows, views, poor, wide, wide, rng)
    assert len(found) == 5
    np.testing.assert_array_equal(found.averages[:3], views.averages[[0, 3, 4]])  # what explains its members stays
    assert np.abs(found.averages[3:] - views.averages[1:3]).max() > 0
    at = rows[view > 0]
    fit, _ = step(particles, at, found.take([3, 4]), wide, sums=False)
    table = np.zeros((2, 2), int)
    np.add.at(table, (view[at] - 1, fit.label), 1)
    assert max(np.trace(table), np.trace(table[::-1])) >= 0.95 * len(at)

import numpy as np
import pytest

from udl_tf.views.expectation_maximisation import lent, step
from udl_tf.views.known_poses import sums_at
from udl_tf.views.model import Views
from udl_tf.views.polar_grid import PolarGrid, disc_of_shifts, into_image
from udl_tf.views.polar_particles import polar_particles
from udl_tf.views.search import Search


@pytest.fixture(scope="module")
def truth(mixture):
    """Particles, the views learned from the true poses, rows."""
    images, view, psi, offset = mixture
    particles = polar_particles(PolarGrid(32, 8, 48, 14.0), images)
    rows = np.arange(len(images))
    sums = sums_at(particles, rows, view, psi, offset.astype(np.float32), 3)
    return particles, sums.views(0.7 * np.median(particles.power, 0)), rows


def test_the_scores_are_the_log_likelihoods_of_each_pose(truth):
    """Against the definition, pose by pose, for a few poses, without any transform over the angle."""
    from udl_tf.views.matching import Matcher

    particles, views, _ = truth
    grid, shifts = particles.grid, disc_of_shifts(2.0, 2.0)
    matcher = Matcher(grid, views, shifts, 8)
    matcher.most = grid.half
    full = Matcher(grid, views, shifts, 100)
    table = full.scores(particles.harmonics(np.arange(4), None, full.most, 8), particles.ctf[:4])
    weight = (grid.freedom / grid.angles / views.noise)[:, None]
    for turn, n, k, s in ((0, 0, 0, 0), (5, 1, 2, 3), (31, 3, 1, 4)):
        assert full.turns == 48
        x = grid.whole(particles.samples[n])
        view = np.roll(views.averages[k] * grid.phase(-shifts[[s]])[0], turn, -1)
        expected = np.sum(weight * (x * view.conj()).real) - 0.5 * np.sum(weight * np.abs(views.averages[k]) ** 2)
        assert table[turn, n, k * len(shifts) + s] == pytest.approx(expected, rel=0.02, abs=0.3)


def test_true_views_find_classes_and_poses(mixture, truth):
    _, view, psi, offset = mixture
    particles, views, rows = truth
    fit, sums = step(particles, rows, views, Search(disc_of_shifts(3.0, 1.0), 8))
    right = fit.label == view
    assert right.mean() > 0.97
    turn = (fit.psi - psi + 180) % 360 - 180
    same = right & (view != 1)  # view 1 looks nearly the same upside down
    assert np.median(np.abs(turn[same])) < 3.0
    assert np.median(np.hypot(*(into_image(fit.shift, fit.psi) - offset)[same].T)) < 0.8
    assert sums.mass.sum() == pytest.approx(len(rows), rel=1e-4)
    np.testing.assert_allclose(fit.share.sum(1), 1.0, atol=1e-4)


def test_a_view_of_one_particle_owes_it_what_it_lent(truth):
    """A view that is one particle looks like that particle by all of its power; what was lent takes that back."""
    particles, views, _ = truth
    rows = np.array([5])
    search = Search(np.zeros((1, 2), np.float32), 8)
    one = sums_at(particles, rows, np.array([0]), np.zeros(1), np.zeros((1, 2), np.float32), 1)
    alone = one.views(views.noise)
    fit, _ = step(particles, rows, alone, search)
    own = lent(particles, rows, fit, one, alone, 8)
    power = (particles.grid.freedom / views.noise * one.wiener(views.noise)[0] * particles.power[5]).sum()
    assert own[0, 0] == pytest.approx(power, rel=1e-4)
    less, _ = step(particles, rows, alone, search, sums=False, own=own)
    assert fit.evidence[0] - less.evidence[0] == pytest.approx(power, rel=1e-4)


def test_noise_as_a_class_takes_what_no_view_explains(truth):
    particles, views, rows = truth
    nothing = Views(views.averages * 0, views.noise, views.mass)
    fit, sums = step(particles, rows, nothing, Search(disc_of_shifts(2.0, 2.0), 8), empty=True)
    np.testing.assert_allclose(fit.share.sum(1), 0.75, atol=0.01)  # three empty views and noise, equally likely
    np.testing.assert_allclose(fit.evidence, 0.0, atol=0.01)

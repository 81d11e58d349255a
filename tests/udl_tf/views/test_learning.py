import numpy as np
import pytest

from udl_tf.views import learning, merging, starts
from udl_tf.views.centring import centres
from udl_tf.views.known_poses import sums_at
from udl_tf.views.learning import Settings, improved
from udl_tf.views.polar_grid import PolarGrid, disc_of_shifts
from udl_tf.views.polar_particles import polar_particles
from udl_tf.views.search import Search
from udl_tf.views.view_model import classify, learn_views

RADIUS = 14.0


@pytest.fixture(scope="module")
def learned(mixture):
    images, *_ = mixture
    model, own = learn_views(images, None, Settings(views=3, reach=3.0, seed=1), RADIUS)
    return model, classify(model, images, None, own)


def test_views_are_found_without_labels(mixture, learned):
    _, view, psi, _ = mixture
    _, classes = learned
    table = np.zeros((3, 4), int)
    np.add.at(table, (view, np.minimum(classes.fit.label, 3)), 1)
    assert sorted(table.argmax(1)) == [0, 1, 2]
    assert table.max(1).sum() >= 0.95 * len(view)
    at = (view == 2) & (classes.fit.label == table[2].argmax())
    turn = np.exp(1j * np.radians(classes.fit.psi[at] - psi[at]))
    assert np.median(np.abs(np.degrees(np.angle(turn / turn.mean())))) < 3.0


def test_averages_are_centred(learned):
    model, _ = learned
    _, fine = model.grids()
    assert np.hypot(*centres(fine, model.fine.averages).T).max() < 0.5


def test_the_same_seed_gives_the_same_views_whether_their_number_is_given_or_found(monkeypatch, mixture, learned):
    images, *_ = mixture
    monkeypatch.setattr(learning, "number_needed", lambda *_: 3)
    again, _ = learn_views(images, None, Settings(views=None, reach=3.0, seed=1), RADIUS)
    np.testing.assert_array_equal(again.fine.averages, learned[0].fine.averages)


def test_noise_is_told_from_particles(mixture, learned):
    images, *_ = mixture
    model, classes = learned
    noise = np.random.default_rng(9).standard_normal(images.shape).astype(np.float32)
    assert np.mean(classify(model, noise, None).fit.evidence < model.threshold) > 0.9
    assert np.mean(classes.fit.evidence < model.threshold) < 0.1


def test_views_of_noise_alone_explain_nothing():
    """Averages of noise look like the noise in them: what each particle lent is taken back, and nothing is left."""
    noise = np.random.default_rng(4).standard_normal((240, 32, 32)).astype(np.float32)
    model, own = learn_views(noise, None, Settings(views=3, reach=3.0), RADIUS)
    told, credulous = (np.mean(classify(model, noise, None, lent).fit.evidence < model.threshold) for lent in (own, None))
    assert told > 0.8
    assert told > credulous + 0.1


def test_views_of_particles_are_not_junk(learned):
    assert not learned[0].junk.any()


@pytest.fixture(scope="module")
def known(mixture):
    """Particles and a search around the true offsets."""
    images, view, psi, offset = mixture
    particles = polar_particles(PolarGrid(32, 8, 48, RADIUS), images)
    return particles, view, psi, Search(disc_of_shifts(1.0, 1.0), 8, offset.astype(np.float32))


def from_labels(known, label):
    particles, _, psi, search = known
    rows = np.arange(len(particles))
    sums = sums_at(particles, rows, label, psi, search.offset, label.max() + 1)
    views = sums.views(0.7 * np.median(particles.power, 0).astype(np.float32))
    views, fit, _ = improved(particles, rows, views, search, (8, 8))
    return rows, views, fit


def test_a_view_split_in_vain_is_merged_first(known):
    particles, view, _, search = known
    label = np.where((view == 0) & (np.arange(len(view)) % 2 == 0), 3, view)  # half of view 0 has a class of its own
    rows, views, fit = from_labels(known, label)
    first, second = merging.merges(particles, rows, views, fit.by_view, search)[:2]
    assert first.old == (0, 3)
    assert first.nats < 0.25 * second.nats


def test_a_class_of_two_views_gains_most_by_splitting(known):
    particles, view, _, search = known
    rows, views, fit = from_labels(known, np.minimum(view, 1))  # views 1 and 2 share a class
    gains = merging.splits(particles, rows, views, fit.by_view, search, np.random.default_rng(0))
    assert gains[0].old == (1,)
    assert gains[0].nats > 10 * max(gains[1].nats, 1.0)


def test_greedy_takes_what_explains_most_together():
    by_view = np.array([[5.0, 4.0, 0.0], [5.0, 4.0, 0.0], [0.0, 0.0, 3.0]], np.float32)
    assert starts.greedy(by_view, 2) == [0, 2]

"""The images and numbers that are collected while the aligned stack is made."""

import numpy as np

from udl_tf.particles.alignment import StackAlignment
from udl_tf.particles.gallery import Gallery, best_and_worst
from udl_tf.particles.references import ViewAverage
from udl_tf.particles.table import ParticleTable


def test_each_particle_is_compared_with_the_average_of_its_view():
    random = np.random.default_rng(0)
    averages = random.normal(size=(2, 16, 16))
    view = np.array([1, 0, -1, 1, 0, 0])
    table = ParticleTable.of(np.arange(6), view)
    table.score = np.array([0.1, 0.9, 1.0, 0.5, 0.7, 0.3])
    seen = {one: ViewAverage(averages[one], np.zeros((2, 16, 16)), np.zeros(9)) for one in (0, 1)}
    gallery = Gallery(StackAlignment(table, averages=seen), np.ones((16, 16)), count=2)
    images = averages[view].astype(np.float32)  # equal to their own averages
    gallery.add(slice(0, 4), 3.0 * images[:4] + 1.0)
    gallery.add(slice(4, 6), images[4:])
    np.testing.assert_allclose(np.delete(gallery.similarity, 2), 1.0, atol=1e-6)
    assert np.isnan(gallery.similarity[2])  # of no view
    best, worst = gallery.best_and_worst()
    assert [(row, score) for row, score, _ in best] == [(1, 0.9), (4, 0.7)]
    assert [(row, score) for row, score, _ in worst] == [(0, 0.1), (5, 0.3)]
    np.testing.assert_array_equal(best[0][2], 3.0 * images[1] + 1.0)


def test_best_and_worst_share_no_row():
    score = np.array([0.5, 0.9, np.nan, 0.1, 0.7])
    usable = np.isfinite(score)
    best, worst = best_and_worst(score, usable, 2)
    assert best.tolist() == [1, 4] and worst.tolist() == [3, 0]
    best, worst = best_and_worst(score, usable, 3)
    assert best.tolist() == [1, 4, 0] and worst.tolist() == [3]
    assert [rows.tolist() for rows in best_and_worst(score, usable)] == [[1, 4, 0, 3], []]

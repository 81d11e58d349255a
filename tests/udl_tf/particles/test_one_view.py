"""One view or several: by what the average leaves of aligned particles."""

import numpy as np
import pytest

from pipelines.geometry.warp import warp
from udl_tf.particles.one_view import agreement

COUNT = 160
HALF = np.arange(COUNT) % 2


@pytest.fixture(scope="module")
def views(picture, spots):
    """Two different pictures (64, 64) that share their largest spot."""
    other = spots.copy()
    other[1:, :2] = spots[1:, 1::-1] * [-1.0, 1.0]
    return [picture([0.0], [[0.0, 0.0]], spots=some)[0] for some in (spots, other)]


def particles(images, noise, turn=0.0, seed=0):
    random = np.random.default_rng(seed)
    angle, shift = random.normal(0.0, turn, COUNT), random.normal(0.0, turn / 4.0, (COUNT, 2))
    turned = warp(images.astype(np.float32), angle.astype(np.float32), shift.astype(np.float32)).numpy()
    return (turned + noise * random.normal(size=images.shape)).astype(np.float32)


@pytest.mark.parametrize("noise, turn", [(0.3, 0.0), (1.0, 0.0), (0.3, 2.0), (1.0, 4.0)])
def test_particles_of_one_view_agree_also_with_errors_of_their_poses(views, noise, turn):
    found = agreement(particles(np.repeat(views[0][None], COUNT, 0), noise, turn), HALF)
    assert found.one and found.sentence is None
    np.testing.assert_array_equal(found.belongs, 1.0)


@pytest.mark.parametrize("noise", [0.3, 0.7])
def test_two_views_are_told_and_the_smaller_one_loses_its_scores(views, noise):
    second = np.random.default_rng(5).random(COUNT) < 0.3
    images = np.where(second[:, None, None], views[1], views[0])
    found = agreement(particles(images, noise, 1.0), HALF)
    assert not found.one and "do not agree with one view" in found.sentence
    assert found.belongs[~second].mean() > 0.9 and found.belongs[second].mean() < 0.1


def test_of_a_few_particles_nothing_is_said(views):
    assert agreement(np.stack(views * 5), np.arange(10) % 2).one

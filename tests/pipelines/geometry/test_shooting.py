"""Geodesic shooting: what is conserved, closed forms, and the way back."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from pipelines.geometry import displacement, shooting
from pipelines.geometry.transforms import Displacement

SIGMAS = (2.0, 5.0)


@pytest.fixture(scope="module")
def path():
    """A momentum in the middle of a grid, and where it leads."""
    drawn = tf.random.stateless_normal((2, 40, 40, 2), (3, 4))
    bump = np.exp(-0.5 * (geometry.centred_grid(40, 40) ** 2).sum(-1) / 6.0**2)[None, :, :, None].astype(np.float32)
    momentum = shooting.smoothed(drawn, (2.0,)) * bump * 15.0
    return momentum, *shooting.shoot(momentum, SIGMAS)


def test_the_hamiltonian_is_conserved_and_the_momentum_is_not(path):
    before, after, _ = path
    first, last = (shooting.hamiltonian(part, SIGMAS).numpy() for part in (before, after))
    np.testing.assert_allclose(last, first, rtol=1e-3)
    assert np.abs(after - before).max() > 0.03 * np.abs(before).max()


def test_the_hamiltonian_is_half_the_sum_of_momentum_times_velocity_by_hand():
    momentum = np.zeros((1, 40, 40, 2), np.float32)
    momentum[0, 20, 20, 0] = 3.0
    place = np.arange(-20, 20)
    heights = [1.0 / np.exp(-0.5 * (place / sigma) ** 2).sum() ** 2 for sigma in SIGMAS]  # of each Gaussian at its middle
    np.testing.assert_allclose(shooting.hamiltonian(tf.constant(momentum), SIGMAS), [0.5 * 9.0 * np.mean(heights)], rtol=1e-5)


def test_a_constant_momentum_is_a_shift():
    momentum = tf.broadcast_to(tf.constant([2.5, -1.0]), (1, 16, 20, 2))
    after, found = shooting.shoot(momentum, SIGMAS)
    np.testing.assert_allclose(after, momentum, atol=1e-5)
    np.testing.assert_allclose(found, -momentum, atol=1e-5)  # what is at the end was further left at the beginning


def test_paths_bend_without_a_fold_and_lead_back(path):
    _, after, found = path
    assert np.linalg.norm(found, axis=-1).max() > 1.0
    assert displacement.least_determinant(found, 1.0).numpy().min() > 0.0
    _, back = shooting.shoot(-after, SIGMAS)
    points = geometry.centred_grid(30, 30).reshape(-1, 2)
    there = Displacement(found.numpy()).pull(points)
    assert np.linalg.norm(Displacement(back.numpy()).pull(there) - points, axis=-1).max() < 0.1

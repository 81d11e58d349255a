"""Slow background goes where there is some; what is fast stays, and so does an object."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from pipelines.preparation import background

SIDE = 64
X, Y = np.moveaxis(geometry.centred_grid(SIDE, SIDE) / (SIDE / 2.0), -1, 0)
SURFACES = [X - 2 * Y, X**2 + Y**2, X * Y, 3 + X - Y**2]
NOISE = np.random.default_rng(0).normal(size=(40, SIDE, SIDE)).astype(np.float32)


def left_of(image):
    images = tf.constant(np.asarray(image, np.float32).reshape(-1, SIDE, SIDE))
    return background.without_slow_background(images)[0].numpy()


@pytest.mark.parametrize("surface", SURFACES)
def test_surfaces_of_second_degree_vanish(surface):
    np.testing.assert_allclose(left_of(surface), 0.0, atol=5e-5)
    left = left_of(NOISE[:2] + 9.0 * surface)
    np.testing.assert_allclose(left, NOISE[:2] - background._surface(NOISE[:2], background.RIM)[0], atol=1e-3)


def test_noise_keeps_the_surface_that_it_has_by_chance():
    np.testing.assert_allclose(left_of(NOISE), NOISE, atol=1e-6)


@pytest.mark.parametrize("periods, least, most", [(1.0, 0.0, 0.05), (8.0, 0.95, 1.05), (16.0, 0.98, 1.02)])
def test_slow_waves_go_and_fast_ones_stay(periods, least, most):
    wave = np.cos(np.pi * periods * (X + 0.3))
    # Of a fast wave the rim is not uneven; with a slow one beside it, all that is slow goes.
    left = left_of(wave + 5.0 * np.cos(np.pi * (Y - 0.2)))[0]
    slow = left_of(5.0 * np.cos(np.pi * (Y - 0.2)))[0]
    middle = slice(12, -12)
    share = (left - slow)[middle, middle].std() / wave[middle, middle].std()
    assert least <= share <= most


def test_a_particle_keeps_its_slow_changes_and_loses_them_where_the_rim_is_uneven():
    particle = 3.0 * np.exp(-(X**2 + Y**2) / (2 * 0.25**2))
    np.testing.assert_allclose(left_of(NOISE + particle), NOISE + particle, atol=1e-5)
    edge = np.where(X > 0.4, 5.0, 0.0)
    kept = left_of(NOISE + particle + edge).mean(0) - left_of(NOISE + edge).mean(0)
    assert kept[SIDE // 2, SIDE // 2] < 0.5 * particle.max()


def test_unevenness_of_noise_is_one_and_rises_with_the_square_of_what_is_slow():
    assert background.unevenness(NOISE).numpy().mean() == pytest.approx(1.0, abs=0.1)
    blocks = SIDE // background.BLOCKS
    steps = np.kron(np.random.default_rng(1).choice([-1.0, 1.0], (8, 8)), np.ones((blocks, blocks)))
    # Means of blocks of 8 x 8 pixels of noise have the variance 1 / 64; those of steps of +-2, 4 besides.
    found = background.unevenness((NOISE + 2.0 * steps).astype(np.float32)).numpy().mean()
    assert found == pytest.approx(1.0 + 4.0 * 64.0, rel=0.05)


@pytest.mark.parametrize("strength, goes", [(0.3, False), (5.0, True)])
def test_of_photographs_only_light_that_outweighs_them_goes(strength, goes):
    light = (strength * (X - Y)).astype(np.float32)
    left, _ = background.without_uneven_light(NOISE + light)
    rest, _ = background.without_uneven_light(NOISE)
    np.testing.assert_allclose(rest, NOISE)
    expected = NOISE if goes else NOISE + light
    assert np.abs(left - expected).max() < (0.4 if goes else 1e-6)  # of noise itself a little is a surface, too


def test_a_level_is_not_uneven():
    found = [background.without_uneven_light(NOISE + level)[1].numpy() for level in (0.0, 30.0)]
    np.testing.assert_allclose(*found, rtol=0.01)
    assert found[0].mean() == pytest.approx(1.0, abs=0.1)

"""Signs of one object: by hand on spectra whose agreement is known."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.spectra import spectral_plane
from udl_tf.alignment.signs import BANDS, SECTORS, Signs
from udl_tf.alignment.wiener import Rings

HIGHEST = 20
POINTS = spectral_plane.disc(HIGHEST)
SHARE = spectral_plane.multiplicity(POINTS, HIGHEST)
RINGS = Rings(np.linalg.norm(POINTS, axis=1), SHARE, HIGHEST + 1, 2.5)
RANDOM = np.random.default_rng(1)


def measured(fixed, moving):
    fixed, moving = tf.constant(fixed, tf.float32), tf.constant(moving, tf.float32)
    coherence, power, other = RINGS.coherence(fixed, moving)
    found = Signs(POINTS, SHARE, RINGS)(fixed, moving, coherence, coherence, power, other).numpy()
    return np.split(found, [len(BANDS) - 1, 2 * (len(BANDS) - 1)], axis=1), RINGS.evidence(coherence).numpy()


def test_the_bands_hold_the_whole_evidence():
    one = RANDOM.normal(size=(3, 2, len(POINTS)))
    (found, possible, _), evidence = measured(one, one + RANDOM.normal(size=one.shape))
    np.testing.assert_allclose(np.expm1(found).sum(1), evidence, rtol=1e-4)
    np.testing.assert_array_equal(found, possible)


def test_an_object_agrees_in_all_directions_and_an_edge_in_one():
    one, two = RANDOM.normal(size=(2, 3, 2, len(POINTS)))
    along = np.abs(POINTS[:, 1]) < 0.1 * np.abs(POINTS[:, 0])
    (_, _, everywhere), _ = measured(one, one)
    (_, _, one_way), _ = measured(one + 9.0 * along, two + 9.0 * along)
    assert everywhere.shape == (3, SECTORS) and everywhere.min() > 3.0
    # The frequencies along the x axis lie in the first sector and the last one.
    assert np.all(one_way[:, -1] > 4.0) and np.all(np.abs(one_way[:, :3]) < 2.0)


def test_independent_spectra_have_standard_scores():
    one, two = RANDOM.normal(size=(2, 200, 2, len(POINTS)))
    (_, _, score), _ = measured(one, two)
    score = np.sign(score) * score**2
    assert np.mean(score) == pytest.approx(0.3, abs=0.45) and 0.7 < np.std(score) < 1.8

"""What every rival's images go through first."""

import numpy as np
import pytest

from udl_tf.rivals import prefilter, registry


def test_repair_touches_impulses_only_and_fills_them_from_around():
    y, x = np.mgrid[:64, :64].astype(np.float32)
    smooth = 2.0 + np.sin(x / 9.0) + np.cos(y / 7.0)
    rng = np.random.default_rng(0)
    bad = rng.random(smooth.shape) < 0.6
    noisy = np.where(bad, rng.choice(np.float32([-5.0, 9.0]), smooth.shape), smooth)
    found = prefilter.repaired(noisy)
    assert (found == noisy)[~bad].all()
    assert np.abs(found - smooth)[bad].mean() < 0.05
    assert np.abs(found - smooth)[bad].max() < 0.6


def test_blur_is_a_gaussian_of_that_deviation():
    point = np.zeros((1, 33, 33), np.float32)
    point[0, 16, 16] = 1.0
    blurred = prefilter.prepared(point, 2.0)[0]
    assert blurred[16, 16] == pytest.approx(1.0 / (2.0 * np.pi * 4.0), rel=0.01)
    assert blurred[16, 18] / blurred[16, 16] == pytest.approx(np.exp(-0.5), rel=0.01)
    assert (prefilter.prepared(point, 0) == point).all()


BLURRED = {
    name
    for name in registry.names("rigid")
    if not registry.RIVALS[name].learns and not registry.RIVALS[name].weighs and name != "default"
}


def test_every_rival_has_a_blur_for_every_condition():
    assert len(prefilter.SIGMAS) == 10
    for condition, sigmas in prefilter.SIGMAS.items():
        assert {prefilter.blur(condition, name) for name in BLURRED} <= set(sigmas.values()) <= set(prefilter.TRIED)
        assert sigmas.keys() == BLURRED - {"sift-flann", "sift-lmeds", "sift-usac"}
    assert prefilter.blur("gaussian:0.5", "sift-usac") == prefilter.SIGMAS["gaussian:0.5"]["sift"] == 2

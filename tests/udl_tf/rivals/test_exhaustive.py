"""The benchmarks' rival must be strong: a weak one would flatter us."""

import numpy as np
import pytest

from pipelines import geometry, noise, pairs
from pipelines.geometry.warp import warp
from pipelines.pictures import phantoms
from pipelines.spectra import noise_spectrum
from udl_tf.rivals import exhaustive


@pytest.fixture(scope="module")
def clean():
    return phantoms.particles(1, 128, seed=4, symmetry=1)[0]


def found_errors(clean, inputs, truth, snr):
    found = exhaustive.search(inputs["fixed"], inputs["moving"], exhaustive.true_snr(clean, snr), 32.0)
    return geometry.angular_distance(found.angle, truth["angle"]), np.linalg.norm(found.shift - truth["shift"], axis=1)


def test_finds_known_poses_of_a_noiseless_image(clean):
    angle = np.array([0.3, 77.35, -90.0, -160.8], np.float32)
    shift = np.array([[0.0, 0.0], [3.4, -7.2], [9.0, 0.5], [-9.3, 11.6]], np.float32)
    copies = np.repeat(clean[None], 4, 0)
    inputs = {"fixed": warp(copies, angle, shift).numpy(), "moving": copies}
    turned, moved = found_errors(clean, inputs, {"angle": angle, "shift": shift}, snr=10.0)
    assert turned.max() < 0.05
    assert moved.max() < 0.05


def test_reaches_the_bound_of_noisy_pairs(clean):
    inputs, truth = pairs.collect(pairs.simulated(clean[None], noise.parse("gaussian:2"), 16, seed=1), 16)
    turned, moved = found_errors(clean, inputs, truth, snr=2.0)
    bound = phantoms.expected_error(clean[None], snr=2.0)[0]  # of a pair, had the image itself been known
    assert turned.mean() < 1.4 * bound
    assert moved.mean() < 0.15


def test_true_snr_is_that_of_white_noise(clean):
    rng = np.random.default_rng(0)
    snr = exhaustive.true_snr(clean, 0.2)
    sigma = np.sqrt(clean.var() / 0.2)
    measured = noise_spectrum.radial_power(rng.normal(0, sigma, (40, 128, 128)).astype(np.float32)).numpy().mean(0)
    signal = noise_spectrum.radial_power(clean[None]).numpy()[0]
    assert snr[1:] == pytest.approx((signal / measured)[1:], rel=0.1)

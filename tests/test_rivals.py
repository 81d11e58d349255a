"""A rival that is fed wrongly, or read in another convention, would flatter us: each must find what is there to find."""

import numpy as np
import pytest

from benchmarks import confidence, rivals
from benchmarks.rivals import prefilter, prior
from pipelines import geometry
from pipelines.geometry.warp import warp
from pipelines.noise.coloured import coloured
from pipelines.pictures import phantoms

ANGLES = np.array([0.3, 77.35, -90.0, -160.8, 179.4, 33.0], np.float32)
SHIFTS = np.array([[0.0, 0.0], [3.4, -7.2], [9.0, 0.5], [-9.3, 11.6], [2.0, 3.0], [-8.0, -8.0]], np.float32)
# Largest errors without noise, degrees and pixels: what each method can do, three times over.
PACKAGES = {
    "sift": ("cv2", 0.2, 0.2),
    "orb": ("cv2", 0.6, 0.8),
    "akaze": ("cv2", 0.4, 0.3),
    "ecc": ("cv2", 0.03, 0.03),
    "simpleitk": ("SimpleITK", 0.03, 0.03),
    "stackreg": ("pystackreg", 0.3, 0.03),
    "fourier-mellin": ("skimage", 0.5, 0.2),
    "imreg_dft": ("imreg_dft", 0.5, 1.5),
}


@pytest.fixture(scope="module")
def noiseless():
    copies = np.repeat(phantoms.particles(1, 128, seed=4, symmetry=1), len(ANGLES), 0)
    return warp(copies, ANGLES, SHIFTS).numpy(), copies


@pytest.mark.parametrize("name", rivals.FUNCTIONS)
def test_finds_known_poses_over_the_full_circle(name, noiseless):
    package, most_turned, most_moved = PACKAGES[name]
    pytest.importorskip(package)
    angle, shift = rivals.load(name)(*noiseless)
    assert geometry.angular_distance(angle, ANGLES).max() < most_turned
    assert np.linalg.norm(shift - SHIFTS, axis=1).max() < most_moved


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(rivals.FUNCTIONS, "other", ("not_there", "align"))
    with pytest.raises(rivals.InputError, match=r"other needs .*not_there: pip install"):
        rivals.load("other")


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


def test_every_rival_has_a_blur_for_every_condition():
    assert len(prefilter.SIGMAS) == 10
    for sigmas in prefilter.SIGMAS.values():
        assert sigmas.keys() == rivals.FUNCTIONS.keys()
        assert set(sigmas.values()) <= set(prefilter.TRIED)


def test_photographs_have_the_signal_to_noise_ratio_of_their_spectrum():
    white = np.random.default_rng(0).normal(size=(200, 64, 64)).astype(np.float32)
    assert prior.photo_snr(white, "gaussian:0.1")[4:] == pytest.approx(0.1, rel=0.1)
    rough = coloured((40, 64, 64), np.float32([0.0] * 8 + [8.0] + [0.0] * 24), (1, 2)).numpy()
    snr = prior.photo_snr(rough, "gaussian:0.5")
    assert snr.argmax() == 8
    assert snr[:5].max() < 0.01 * snr[8]


def test_confidence_counts_what_it_says():
    error = np.array([0.1, 1.0, 3.0, 90.0, 40.0])
    sigma = np.array([0.1, 0.4, 2.0, 100.0, 0.1])  # held, not held, held, gross, gross
    score = np.array([0.95, 0.99, 0.5, 0.91, 0.1])
    found = confidence.columns(error, sigma, score)
    assert list(found.values()) == pytest.approx([100 * 2 / 3, 60.0, 100 / 3])
    assert confidence.gross_among_trusted(error, np.zeros(5)) is None

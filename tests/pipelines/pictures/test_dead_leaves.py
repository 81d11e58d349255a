import numpy as np
import pytest

from pipelines.pictures import dead_leaves


@pytest.fixture(scope="module")
def pictures():
    return dead_leaves.dead_leaves(24, size=256, seed=5)


def test_reproducible_grey_pictures(pictures):
    assert pictures.shape == (24, 256, 256) and pictures.dtype == np.float32
    assert pictures.min() >= 0 and pictures.max() <= 255
    np.testing.assert_array_equal(dead_leaves.dead_leaves(3, 64, seed=9), dead_leaves.dead_leaves(3, 64, seed=9))
    assert np.abs(dead_leaves.dead_leaves(1, 64, seed=9) - dead_leaves.dead_leaves(1, 64, seed=10)).mean() > 5


def test_amplitude_spectra_fall_like_those_of_photographs(pictures):
    """Slopes of log amplitude against log frequency; photographs: -1.8 to -0.8 in four of five, median -1.3."""
    window = np.hanning(256)
    spectrum = np.abs(np.fft.fft2((pictures - pictures.mean((1, 2), keepdims=True)) * window * window[:, None]))
    k = np.fft.fftfreq(256) * 256
    ring = np.rint(np.hypot(k[:, None], k)).astype(int).ravel()
    amplitude = np.sqrt([np.bincount(ring, each.ravel() ** 2)[:128] / np.bincount(ring)[:128] for each in spectrum])
    band = np.arange(6, 80)
    slopes = [np.polyfit(np.log(band), np.log(each[band]), 1)[0] for each in amplitude]
    assert -1.9 < np.median(slopes) < -1.1


def test_pictures_have_occluding_edges_and_flat_parts(pictures):
    """As in photographs, derivatives are far from Gaussian: kurtosis of images is 10 and more, of Gaussian noise 3."""
    slope = np.diff(pictures, axis=2).reshape(24, -1)
    kurtosis = (slope**4).mean(1) / np.square((slope**2).mean(1))
    assert np.median(kurtosis) > 8
    assert 25 < np.median(pictures.std((1, 2))) < 70

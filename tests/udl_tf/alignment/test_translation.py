"""Correlation over shifts: known subpixel shifts, the allowed range, and the whole surface against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.spectra import spectral_plane
from udl_tf.alignment.translation import ShiftSearch

SHIFTS = np.array([[0.0, 0.0], [3.0, -5.0], [2.3, 0.4], [-4.6, 7.7], [10.5, 1.2]])
COUNT = len(SHIFTS)
HIGHEST = 12


@pytest.fixture(scope="module")
def search():
    return ShiftSearch(64, HIGHEST, reach=16.0)


def spectra(images):
    return spectral_plane.upright(spectral_plane.plane(tf.constant(images, tf.float32), HIGHEST), spectral_plane.grid(HIGHEST))


def found(search, fixed, moving, max_shift=16.0):
    surface = search.surface(*(search.whitened(spectra(images)) for images in (fixed, moving)))
    return [part.numpy() for part in search.best(surface, tf.constant(max_shift))]


@pytest.fixture(scope="module")
def pair(picture):
    """Pictures at an angle; the fixed ones moved by `SHIFTS`."""
    angle = np.full(COUNT, 25.0)
    return picture(angle, SHIFTS), picture(angle, np.zeros((COUNT, 2)))


def test_known_shifts(search, pair):
    shift, value = found(search, *pair)
    np.testing.assert_allclose(shift, SHIFTS, atol=0.3)  # a parabola on a grid of 2 px
    assert value.min() > 0.7 and abs(value[0] - 1) < 0.02


def test_a_finer_grid_is_more_precise(pair):
    shift, value = found(ShiftSearch(64, HIGHEST, reach=16.0, spacing=1.0), *pair)
    np.testing.assert_allclose(shift, SHIFTS, atol=0.1)
    assert value.min() > 0.9


def test_under_noise(search, pair):
    rng = np.random.default_rng(0)
    shift, value = found(search, *(images + rng.normal(0, 0.5, images.shape) for images in pair))
    np.testing.assert_allclose(shift, SHIFTS, atol=1.0)
    assert value.min() > 0.1 and value.max() < 0.9


@pytest.mark.parametrize("limit", [0.0, 3.0, 7.0])
def test_no_shift_beyond_the_limit(search, pair, limit):
    shift, _ = found(search, *pair, limit)
    assert np.hypot(*shift.T).max() <= limit + np.sqrt(2.0)  # half a grid step each way by the parabola
    inside = np.hypot(*SHIFTS.T) < limit - 1.0
    np.testing.assert_allclose(shift[inside], SHIFTS[inside], atol=0.3)


def test_whitened_rings_have_power_1(search):
    images = np.random.default_rng(1).normal(size=(3, 64, 64)) * np.array([1.0, 100.0, 0.01])[:, None, None]
    power = np.sum(np.square(search.whitened(spectra(images))), 1)
    ring = np.rint(np.linalg.norm(spectral_plane.grid(HIGHEST), axis=1)).astype(int)
    for r in range(1, HIGHEST):
        np.testing.assert_allclose(power[:, ring == r].mean(1), np.ones(3), rtol=1e-3)
    assert np.isfinite(search.whitened(tf.zeros((1, 2, len(ring)))).numpy()).all()


def test_surface_against_numpy():
    """Of white noise: the weighted correlation over shifts, by a plain sum over all frequencies of the disc."""
    images = np.random.default_rng(0).normal(size=(2, 64, 64))
    search = ShiftSearch(64, HIGHEST, reach=8.0, spacing=1.0, falloff=5.0)
    surface = search.surface(*(search.whitened(spectra(image[None])) for image in images)).numpy()[0]
    assert surface.shape == (17, 17)
    frequency = np.fft.fftfreq(64, 1 / 64)
    ky, kx = np.meshgrid(frequency, frequency, indexing="ij")
    radius = np.hypot(kx, ky)
    weight = np.exp(-((radius / 5.0) ** 2) / 2) * (radius < HIGHEST + 0.5) * (radius > 0)
    ring = np.rint(radius).astype(int)
    white = []
    for spectrum in np.fft.fft2(images):
        power = np.array([(np.abs(spectrum[ring == r]) ** 2).mean() for r in range(ring.max() + 1)])
        white.append(spectrum / np.sqrt(power[ring]))
    expected = np.fft.ifft2(white[0] * white[1].conj() * weight).real * 64**2 / weight.sum()
    shifts = np.arange(-8, 9)
    # Ring powers are averaged over the half plane there.
    np.testing.assert_allclose(surface, expected[shifts[:, None], shifts[None, :]], atol=0.02)
    assert surface.std() > 0.05

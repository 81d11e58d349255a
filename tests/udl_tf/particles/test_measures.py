"""Ring correlation, crossings, spectral SNR and correntropy against numbers made by hand or known from theory."""

import numpy as np
import pytest

from pipelines.errors import InputError
from udl_tf.networks.window import soft_disc
from udl_tf.particles.measures import correntropy, crossing, ring_correlation, spectral_snr

RNG = np.random.default_rng


def by_loops(first, second):
    """The definition of the ring correlation, frequency by frequency over the whole plane."""
    n = len(first)
    a, b = np.fft.fft2(first), np.fft.fft2(second)
    sums = np.zeros((n // 2 + 1, 3))
    for row in range(n):
        for column in range(n):
            fy, fx = (k - n if k > n / 2 else k for k in (row, column))
            ring = int(np.floor(np.hypot(fx, fy) + 0.5))
            if ring <= n // 2:
                f, g = a[row, column], b[row, column]
                sums[ring] += (f * np.conj(g)).real, abs(f) ** 2, abs(g) ** 2
    return sums[:, 0] / np.sqrt(sums[:, 1] * sums[:, 2])


@pytest.mark.parametrize("n", [16, 17])
def test_ring_correlation_is_its_definition(n):
    first, second = RNG(0).normal(size=(2, 3, n, n))
    frc = ring_correlation(first, second)
    assert frc.shape == (3, n // 2 + 1) and frc.dtype == np.float64
    np.testing.assert_allclose(frc, [by_loops(*pair) for pair in zip(first, second, strict=True)], atol=1e-12)
    np.testing.assert_allclose(ring_correlation(first[0], second[0]), frc[0], atol=1e-12)


def test_one_wave_one_ring():
    x = np.arange(32)
    wave = np.tile(np.cos(2 * np.pi * 5 * x / 32), (32, 1))
    late = np.tile(np.cos(2 * np.pi * 5 * x / 32 + np.pi / 3), (32, 1))  # 60 degrees late: correlation cos(60) = 1/2
    frc = ring_correlation(wave, late)
    np.testing.assert_allclose(frc, np.where(np.arange(17) == 5, 0.5, 0.0), atol=1e-9)
    np.testing.assert_allclose(ring_correlation(wave, -3 * wave + 7)[5], -1.0)


def test_signal_in_independent_noise_gives_its_ratio():
    """Signal-to-noise ratio s in each half: s / (1 + s); in the average of both: 2 s."""
    rng = RNG(1)
    signal, first, second = rng.normal(size=(3, 200, 64, 64)) * np.array([np.sqrt(0.5), 1, 1])[:, None, None, None]
    frc = ring_correlation(signal + first, signal + second).mean(0)
    np.testing.assert_allclose(frc[3:], 1 / 3, atol=0.02)
    np.testing.assert_allclose(spectral_snr(frc[3:]), 1.0, atol=0.1)


def test_spectral_snr_by_hand():
    np.testing.assert_allclose(spectral_snr([0.5, 0.2, 0.0, -0.3]), [2.0, 0.5, 0.0, 0.0])
    assert 1e4 < spectral_snr(1.0) < 1e5  # bounded


def test_the_mask_takes_away_what_lies_outside():
    disc = soft_disc(64, 0.6, 0.03)
    shared, *outside = RNG(2).normal(size=(3, 64, 64))
    corners = np.hypot(*(np.mgrid[:64, :64] - 31.5)) > 31
    first, second = (np.where(corners, 5 * noise, shared) for noise in outside)
    assert ring_correlation(first, second)[1:].mean() < 0.2
    assert ring_correlation(first, second, disc)[1:].min() > 0.98
    # Neither the mask nor an offset makes unrelated images alike.
    assert abs(ring_correlation(outside[0] + 1000, outside[1] + 500, disc)[1:4]).max() < 0.6
    np.testing.assert_allclose(ring_correlation(outside[0] + 1000, outside[1], disc), ring_correlation(*outside, disc), atol=1e-6)


def test_images_without_signal_correlate_nowhere():
    image, flat = RNG(3).normal(size=(16, 16)), np.full((16, 16), 0.1)
    np.testing.assert_array_equal(ring_correlation(image, flat)[1:], 0)
    np.testing.assert_array_equal(ring_correlation(flat, flat, soft_disc(16)), 0)


def test_crossing_of_a_line():
    """1 - ring / 40 falls below 0.5 at ring 20 and below 0.143 at ring 34.28; box 100 px of 2 Angstrom."""
    line = 1 - np.arange(51) / 40
    assert crossing(line, 0.143, 100, 2.0) == pytest.approx(200 / 34.28)
    assert crossing(line, 0.51, 100, 2.0) == pytest.approx(200 / 19.6)
    assert crossing(line, 0.143, 100) == pytest.approx(100 / 34.28)


def test_crossing_first_never_and_at_once():
    dip = np.array([1, 0.9, 0.9, 0.1, 0.9, 0.9, 0.1, 0.1, 0.1])
    assert crossing(dip, 0.5, 16) == pytest.approx(16 / 2.5)  # the first time, though it rises again
    assert crossing(np.full(9, 0.9), 0.5, 16, 1.5) == pytest.approx(3.0)  # Nyquist
    assert crossing([0, *dip[1:]], 0.5, 16) == pytest.approx(16 / 2.5)  # ring 0 does not count
    assert crossing([1, 0.1, 0.9, 0.9], 0.5, 6) == np.inf


def test_correntropy_by_hand():
    """Four pixels of mean 0 and deviation 1 either way; two of the four differences are 0, two are 2."""
    first, second = np.array([[1.0, 1.0], [-1.0, -1.0]]), np.array([[1.0, -1.0], [1.0, -1.0]])
    values = correntropy(np.stack([first, 5 * first + 3, second, -first]), first)
    np.testing.assert_allclose(values, [1, 1, (2 + 2 * np.exp(-2)) / 4, np.exp(-2)], rtol=1e-6)
    np.testing.assert_allclose(correntropy(second[None], first, width=2.0), (2 + 2 * np.exp(-0.5)) / 4, rtol=1e-6)
    # Weights 3:1 of the rows, grey values (1, -1) in the upper one and (0, 0) below: deviation sqrt(3) / 2.
    third, weights = np.array([[1.0, -1.0], [0.0, 0.0]]), np.array([[3.0, 3.0], [1.0, 1.0]])
    np.testing.assert_allclose(correntropy(-third[None], third, weights), (3 * np.exp(-8 / 3) + 1) / 4, rtol=1e-6)


def test_correntropy_of_correlated_noise():
    """Gaussian grey values of correlation r: the expectation is 1 / sqrt(1 + 2 (1 - r)), see the docstring."""
    first, second = RNG(4).normal(size=(2, 256, 256))
    for r in (0.0, 0.5, 0.9):
        value = correntropy((r * first + np.sqrt(1 - r * r) * second)[None], first)[0]
        assert value == pytest.approx(1 / np.sqrt(3 - 2 * r), abs=0.005)


def test_one_wild_pixel_hardly_counts():
    reference = RNG(5).normal(size=(32, 32)).astype(np.float32)
    wild = reference.copy()
    wild[3, 4] = 60.0
    assert np.corrcoef(wild.ravel(), reference.ravel())[0, 1] < 0.5 and correntropy(wild[None], reference)[0] > 0.8


def test_unusable_images_have_no_similarity():
    image = RNG(6).normal(size=(8, 8))
    holed = image.copy()
    holed[0, 0] = np.nan
    values = correntropy(np.stack([image, holed, np.full((8, 8), 0.1), image * 1e-3 + 1e3]), image)
    assert values[0] == pytest.approx(1) and np.isnan(values[1:3]).all() and values[3] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ring_correlation(np.ones((8, 8)), np.ones((9, 9))), r"got \(8, 8\) and \(9, 9\)"),
        (lambda: ring_correlation(np.ones((8, 9)), np.ones((8, 9))), r"got \(8, 9\)"),
        (lambda: ring_correlation(np.full((8, 8), np.nan), np.ones((8, 8))), "first images: expected finite"),
        (lambda: ring_correlation(np.ones((8, 8)), np.ones((8, 8)), np.zeros((8, 8))), "mask: expected weights"),
        (lambda: crossing(np.ones((2, 9)), 0.5, 16), r"got \(2, 9\)"),
        (lambda: crossing([1, np.nan], 0.5, 16), "expected finite"),
        (lambda: correntropy(np.ones((8, 8)), np.ones((8, 8))), r"got \(8, 8\)"),
        (lambda: correntropy(np.ones((1, 8, 8)), np.ones((8, 8))), "reference is constant"),
        (lambda: correntropy(np.ones((1, 8, 8)), np.eye(8), width=0.0), "kernel width above 0, got 0"),
    ],
)
def test_what_cannot_be_measured_is_said(call, message):
    with pytest.raises(InputError, match=message):
        call()

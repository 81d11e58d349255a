"""White noise in single images: its share of a wave by hand, of noise alone, and what is left when it is gone."""

import numpy as np
import pytest

from pipelines.spectra import white_noise

RNG = np.random.default_rng(1)
WAVE = np.broadcast_to(np.sin(2.0 * np.pi * np.arange(64) / 32), (16, 64, 64)).astype(np.float32)  # of variance 1/2
NOISE = RNG.normal(size=WAVE.shape).astype(np.float32)


@pytest.mark.parametrize(("variance", "share"), [(0.0, 1.0), (0.5, 0.5), (1.0, 1.0 / 3.0), (1e6, white_noise.LEAST)])
def test_the_share_of_a_wave_is_that_of_its_variance(variance, share):
    found = white_noise.signal_share(5.0 + WAVE + np.sqrt(np.float32(variance)) * NOISE).numpy()
    assert found.shape == (16,) and found.mean() == pytest.approx(share, abs=0.02)
    assert white_noise.signal_share(np.ones((1, 8, 8), np.float32)) == [1.0]


def test_without_its_noise_a_wave_is_itself_and_as_strong_as_it_was():
    found = white_noise.without_white_noise(2.0 + WAVE + NOISE).numpy()
    np.testing.assert_allclose(found.mean((1, 2)), 0.0, atol=0.02)
    assert found.var() == pytest.approx(0.5, rel=0.15)  # of 1.5
    assert np.mean((found - WAVE) ** 2) < 0.15  # of 1


def test_an_image_without_noise_stays_as_it_is():
    np.testing.assert_allclose(white_noise.without_white_noise(WAVE), WAVE, atol=1e-5)

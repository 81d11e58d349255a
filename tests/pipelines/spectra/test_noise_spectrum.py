import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.noise.coloured import coloured
from pipelines.spectra import noise_spectrum

SEED = tf.constant([3, 5], tf.int32)


def lorentzian(rings=65):
    """A steep known spectrum, like a micrograph's: 17 at rest, 1.2 in the middle, 1 at Nyquist."""
    return (1.0 + 16.0 / (1.0 + (np.arange(rings) / 8.0) ** 2)).astype(np.float32)


def mean_over_frequencies(power, size):
    """Mean of a radial spectrum over the full 2D transform, with NumPy's own interpolation."""
    k = np.fft.fftfreq(size)
    radius = np.hypot(k[:, None], k[None, :]) * 2 * (len(power) - 1)
    return np.interp(radius, np.arange(len(power)), power).mean()


@pytest.mark.parametrize("size", [128, 101])
def test_radial_power_of_white_noise_is_its_variance(size):
    images = 3.0 * np.random.default_rng(2).normal(size=(64, size, size)).astype(np.float32)
    power = noise_spectrum.radial_power(images).numpy()
    assert power.shape == (64, size // 2 + 1)
    np.testing.assert_allclose(power.mean(0)[3:], 9.0, rtol=0.15)
    assert power.mean(0)[10:].mean() == pytest.approx(9.0, rel=0.01)


def test_radial_power_puts_a_wave_in_its_ring():
    x = np.arange(64)
    image = np.broadcast_to(np.cos(2 * np.pi * 10 * x / 64), (1, 64, 64)).astype(np.float32)
    power = noise_spectrum.radial_power(image).numpy()[0]
    assert power.argmax() == 10
    assert power[10] > 1e6 * np.delete(power, 10).max()


def test_coloured_noise_has_its_spectrum_and_variance():
    power = lorentzian()
    made = coloured((256, 128, 128), power, SEED)
    measured = noise_spectrum.radial_power(made).numpy().mean(0)
    np.testing.assert_allclose(measured[4:], power[4:], rtol=0.06)
    np.testing.assert_allclose(measured[10:60].mean(), power[10:60].mean(), rtol=0.01)
    assert made.numpy().var() == pytest.approx(mean_over_frequencies(power, 128), rel=0.01)


def test_coloured_noise_takes_one_spectrum_per_image():
    made = coloured((2, 64, 64), np.array([np.full(33, 4.0), np.full(33, 25.0)], np.float32), SEED).numpy()
    np.testing.assert_allclose(made.var((1, 2)), [4.0, 25.0], rtol=0.1)


@pytest.mark.parametrize("radius", [40, 55])
def test_background_power_sees_the_noise_and_not_the_particle(radius):
    power = lorentzian()
    # Cut from larger boxes, as real images are: not periodic.
    images = coloured((300, 192, 192), power, SEED).numpy()[:, 32:160, 32:160]
    distance = np.linalg.norm(geometry.centred_grid(128, 128), axis=-1)
    particle = np.where(distance < 36, 20.0 * np.cos(distance / 3.0), 0.0).astype(np.float32)
    estimate = noise_spectrum.background_power(images + particle + 5.0, radius).numpy()
    np.testing.assert_allclose(estimate[8:60], power[8:60], rtol=0.04)
    np.testing.assert_allclose(estimate[4:8], power[4:8], rtol=0.06)  # the bare masked spectrum is 8 to 12 % off here
    outside = distance > radius
    background = np.var(images[:, outside], axis=1).mean()
    again = coloured((300, 128, 128), estimate, SEED).numpy()
    assert again.var() == pytest.approx(background, rel=0.02)


def test_background_power_leaves_out_broken_images():
    images = coloured((20, 64, 64), np.ones(33, np.float32), SEED).numpy()
    broken = np.concatenate([images, np.full((1, 64, 64), np.nan, np.float32)])
    np.testing.assert_allclose(
        noise_spectrum.background_power(broken, 20), noise_spectrum.background_power(images, 20), rtol=1e-5
    )
    with pytest.raises(InputError, match="no image"):
        noise_spectrum.background_power(broken[-1:], 20)
    with pytest.raises(InputError, match="radius 45"):
        noise_spectrum.background_power(images, 45)

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry, noise
from pipelines.errors import InputError

SEED = tf.constant([3, 5], tf.int32)


def lorentzian(rings=65):
    """A steep known spectrum, like a micrograph's: 17 at rest, 1.2 in the middle, 1 at Nyquist."""
    return (1.0 + 16.0 / (1.0 + (np.arange(rings) / 8.0) ** 2)).astype(np.float32)


def mean_over_frequencies(power, size):
    """Mean of a radial spectrum over the full 2D transform, with NumPy's own interpolation."""
    k = np.fft.fftfreq(size)
    radius = np.hypot(k[:, None], k[None, :]) * 2 * (len(power) - 1)
    return np.interp(radius, np.arange(len(power)), power).mean()


def test_gaussian_has_the_asked_snr_per_image():
    rng = np.random.default_rng(0)
    images = (rng.normal(size=(3, 128, 128)) * [[[1]], [[10]], [[3]]] + 50).astype(np.float32)
    snr = np.array([0.1, 0.5, 2.0], np.float32)
    added = noise.gaussian(images, snr, SEED).numpy() - images
    # 16384 pixels: the variance of the noise scatters by sqrt(2 / 16384) = 1.1 %
    np.testing.assert_allclose(images.var((1, 2)) / added.var((1, 2)), snr, rtol=0.05)
    assert abs(np.corrcoef(added[0].ravel(), added[1].ravel())[0, 1]) < 0.04
    same = noise.gaussian(images, 0.1, SEED)[0].numpy()
    np.testing.assert_array_equal(same, noise.gaussian(images, snr, SEED)[0].numpy())


def test_a_nan_or_constant_image_does_not_poison_its_batch():
    images = np.random.default_rng(0).normal(size=(3, 32, 32)).astype(np.float32)
    images[0, 4, 4] = np.nan
    images[1] = 7.0
    noisy = noise.gaussian(images, 0.5, SEED).numpy()
    np.testing.assert_array_equal(noisy[1], images[1])
    assert np.isfinite(noisy[2]).all() and noisy[2].var() > 2 * images[2].var()


def test_salt_and_pepper_replaces_p_of_each():
    images = np.random.default_rng(1).uniform(10, 200, (2, 200, 200)).astype(np.float32)
    noisy = noise.salt_and_pepper(images, [0.1, 0.3], SEED, low=0.0, high=255.0).numpy()
    for image, clean, proportion in zip(noisy, images, (0.1, 0.3)):
        assert np.mean(image == 0) == pytest.approx(proportion, abs=0.01)
        assert np.mean(image == 255) == pytest.approx(proportion, abs=0.01)
        kept = (image != 0) & (image != 255)
        np.testing.assert_array_equal(image[kept], clean[kept])
    own = noise.salt_and_pepper(images, 0.2, SEED).numpy()
    np.testing.assert_array_equal(own.max((1, 2)), images.max((1, 2)))
    assert np.mean(own[0] == images[0].max()) == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("size", [128, 101])
def test_radial_power_of_white_noise_is_its_variance(size):
    images = 3.0 * np.random.default_rng(2).normal(size=(64, size, size)).astype(np.float32)
    power = noise.radial_power(images).numpy()
    assert power.shape == (64, size // 2 + 1)
    np.testing.assert_allclose(power.mean(0)[3:], 9.0, rtol=0.15)
    assert power.mean(0)[10:].mean() == pytest.approx(9.0, rel=0.01)


def test_radial_power_puts_a_wave_in_its_ring():
    x = np.arange(64)
    image = np.broadcast_to(np.cos(2 * np.pi * 10 * x / 64), (1, 64, 64)).astype(np.float32)
    power = noise.radial_power(image).numpy()[0]
    assert power.argmax() == 10
    assert power[10] > 1e6 * np.delete(power, 10).max()


def test_coloured_noise_has_its_spectrum_and_variance():
    power = lorentzian()
    made = noise.coloured((256, 128, 128), power, SEED)
    measured = noise.radial_power(made).numpy().mean(0)
    np.testing.assert_allclose(measured[4:], power[4:], rtol=0.06)
    np.testing.assert_allclose(measured[10:60].mean(), power[10:60].mean(), rtol=0.01)
    assert made.numpy().var() == pytest.approx(mean_over_frequencies(power, 128), rel=0.01)


def test_coloured_noise_takes_one_spectrum_per_image():
    made = noise.coloured((2, 64, 64), np.array([np.full(33, 4.0), np.full(33, 25.0)], np.float32), SEED).numpy()
    np.testing.assert_allclose(made.var((1, 2)), [4.0, 25.0], rtol=0.1)


@pytest.mark.parametrize("radius", [40, 55])
def test_background_power_sees_the_noise_and_not_the_particle(radius):
    power = lorentzian()
    # Cut from larger boxes, as real images are: not periodic.
    images = noise.coloured((300, 192, 192), power, SEED).numpy()[:, 32:160, 32:160]
    distance = np.linalg.norm(geometry.centred_grid(128, 128), axis=-1)
    particle = np.where(distance < 36, 20.0 * np.cos(distance / 3.0), 0.0).astype(np.float32)
    estimate = noise.background_power(images + particle + 5.0, radius).numpy()
    np.testing.assert_allclose(estimate[8:60], power[8:60], rtol=0.04)
    np.testing.assert_allclose(estimate[4:8], power[4:8], rtol=0.06)  # the bare masked spectrum is 8 to 12 % off here
    outside = distance > radius
    background = np.var(images[:, outside], axis=1).mean()
    again = noise.coloured((300, 128, 128), estimate, SEED).numpy()
    assert again.var() == pytest.approx(background, rel=0.02)


def test_background_power_leaves_out_broken_images():
    images = noise.coloured((20, 64, 64), np.ones(33, np.float32), SEED).numpy()
    broken = np.concatenate([images, np.full((1, 64, 64), np.nan, np.float32)])
    np.testing.assert_allclose(noise.background_power(broken, 20), noise.background_power(images, 20), rtol=1e-5)
    with pytest.raises(InputError, match="no image"):
        noise.background_power(broken[-1:], 20)
    with pytest.raises(InputError, match="radius 45"):
        noise.background_power(images, 45)


@pytest.mark.parametrize(
    "text, expected, written",
    [
        ("clean", noise.Noise("clean"), "clean"),
        ("gaussian:0.5", noise.Noise("gaussian", 0.5), "gaussian:0.5"),
        ("s&p:0.2", noise.Noise("salt-and-pepper", 0.2), "salt-and-pepper:0.2"),
        ("Salt-and-Pepper:0.3", noise.Noise("salt-and-pepper", 0.3), "salt-and-pepper:0.3"),
    ],
)
def test_parse(text, expected, written):
    assert noise.parse(text) == expected
    assert str(expected) == written


@pytest.mark.parametrize(
    "text, message",
    [
        ("speckle:0.1", "expected one of clean, gaussian:LEVEL, salt-and-pepper:LEVEL"),
        ("gaussian", "number for LEVEL"),
        ("gaussian:loud", "number for LEVEL"),
        ("gaussian:0", "above 0"),
        ("gaussian:nan", "above 0"),
        ("s&p:0.6", "at most 0.5"),
        ("clean:1", "takes no level"),
    ],
)
def test_parse_refuses(text, message):
    with pytest.raises(InputError, match=message):
        noise.parse(text)


def test_apply_does_what_the_text_says():
    images = np.random.default_rng(3).uniform(0, 255, (2, 32, 32)).astype(np.float32)
    np.testing.assert_array_equal(noise.apply(noise.parse("clean"), images, SEED), images)
    np.testing.assert_array_equal(noise.apply(noise.parse("gaussian:0.5"), images, SEED), noise.gaussian(images, 0.5, SEED))
    np.testing.assert_array_equal(noise.apply(noise.parse("s&p:0.1"), images, SEED), noise.salt_and_pepper(images, 0.1, SEED))

"""Amplitude spectra against numpy.fft."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.spectra import spectrum


def noise(batch, size, seed=0):
    return np.random.default_rng(seed).normal(size=(batch, size, size)).astype(np.float32)


def amplitude(images, pad):
    """|FFT| of zero-padded images, index [batch, vertical % pad, horizontal % pad]."""
    return np.abs(np.fft.fft2(images, (pad, pad)))


def clouds(angle, size=65):
    """Images of a few Gaussian clouds turned by `angle` (batch,) degrees, exactly."""
    centres = geometry.rotate_points(
        tf.constant(angle, tf.float32)[:, None], tf.constant([[[14.0, 3.0], [-6.0, 9.0], [2.0, -17.0], [-11, -4]]])
    ).numpy()
    distance = geometry.centred_grid(size, size) - centres[:, :, None, None]  # (batch, 4, h, w, 2)
    return np.exp(-np.sum(distance**2, -1) / 8.0).sum(1).astype(np.float32)


@pytest.mark.parametrize(("size", "pad"), [(12, 12), (12, 32), (13, 32), (13, 27)])
def test_fourier_transform_counted_from_the_centre(size, pad):
    images = noise(3, size)
    horizontal, vertical = np.arange(5), np.arange(-4, 5)
    real, imag = spectrum.fourier(tf.constant(images), horizontal, vertical, pad)
    full = np.fft.fft2(images, (pad, pad))[:, vertical[None, :], horizontal[:, None]]  # (batch, horizontal, vertical)
    k = horizontal[:, None] + vertical[None, :]
    expected = np.moveaxis(full * np.exp(2j * np.pi * k * (size - 1) / 2 / pad), 0, -1)
    np.testing.assert_allclose(real.numpy() + 1j * imag.numpy(), expected, atol=1e-4)
    turned = spectrum.fourier(tf.constant(images[:, ::-1, ::-1].copy()), horizontal, vertical, pad)
    np.testing.assert_allclose(turned[0], real, atol=1e-4)
    np.testing.assert_allclose(turned[1], -imag, atol=1e-4)


@pytest.mark.parametrize("crop", [7, 8])
@pytest.mark.parametrize(("transform", "function"), [("none", abs), ("root", np.sqrt), ("log", np.log1p)])
def test_cartesian_spectrum(crop, transform, function):
    images = noise(2, 12)
    expected = np.fft.fftshift(amplitude(images, 20), axes=(1, 2))  # the origin at index 10
    low = 10 - crop // 2
    expected = function(expected[:, low : low + crop, low : low + crop])
    np.testing.assert_allclose(spectrum.cartesian(tf.constant(images), crop, 20, transform), expected, atol=1e-4)


def test_polar_samples_on_the_grid_are_those_of_numpy():
    images = noise(2, 15)
    rings = np.array([2.0, 3.0 * np.sqrt(2.0), 5.0])
    polar = spectrum.polar(tf.constant(images), 4, rings, 24, "none").numpy()  # (rings, angles, batch)
    assert polar.shape == (3, 4, 2)
    expected = amplitude(images, 24)
    for ring, k in ((0, 2), (2, 5)):
        np.testing.assert_allclose(polar[ring, 0], expected[:, 0, k], atol=1e-4)  # 0 degrees: to the right
        np.testing.assert_allclose(polar[ring, 2], expected[:, -k, 0], atol=1e-4)  # 90 degrees: up
    np.testing.assert_allclose(polar[1, 1], expected[:, -3, 3], atol=1e-3)  # 45 degrees: right and up
    np.testing.assert_allclose(polar[1, 3], expected[:, -3, -3], atol=1e-3)


def test_between_grid_points_it_is_bilinear():
    images = noise(1, 15)
    polar = spectrum.polar(tf.constant(images), 180, np.array([4.0]), 24, "none").numpy()[0, :, 0]
    expected = amplitude(images, 24)[0]
    for degrees in (20, 110, 163):
        x, y = 4 * np.cos(np.deg2rad(degrees)), -4 * np.sin(np.deg2rad(degrees))
        x0, y0 = int(np.floor(x)), int(np.floor(y))
        upper = (1 - (x - x0)) * expected[y0, x0] + (x - x0) * expected[y0, x0 + 1]
        lower = (1 - (x - x0)) * expected[y0 + 1, x0] + (x - x0) * expected[y0 + 1, x0 + 1]
        assert abs(polar[degrees] - ((1 - (y - y0)) * upper + (y - y0) * lower)) < 1e-3


def test_turning_an_image_shifts_its_samples_by_the_angle():
    images = clouds(np.array([0.0, 30.0, -75.0]))
    polar = spectrum.polar(tf.constant(images), 180, np.arange(3, 25), 256).numpy()
    for i, turn in ((1, 30), (2, -75)):
        error = [np.std(np.roll(polar[:, :, 0], sign * turn, axis=1) - polar[:, :, i]) for sign in (1, -1)]
        # Between grid points the amplitude is interpolated, which errs most near its zeros.
        assert error[0] < 0.08 * polar[:, :, 0].std() and error[1] > 0.5 * polar[:, :, 0].std()


def test_it_is_symmetric_through_the_origin_and_blind_to_shifts():
    images = clouds(np.array([0.0, 180.0]))
    images = np.stack([*images, np.roll(images[0], (4, -7), axis=(0, 1))])
    polar = spectrum.polar(tf.constant(images), 64, np.arange(2, 30), 160).numpy()
    np.testing.assert_allclose(polar[:, :, 1], polar[:, :, 0], atol=2e-3)
    np.testing.assert_allclose(polar[:, :, 2], polar[:, :, 0], atol=2e-3)


def test_scaled_to_0_and_1():
    spectra = tf.constant([[[2.0, 4.0], [3.0, 6.0]], [[5.0, 5.0], [5.0, 5.0]]])
    np.testing.assert_allclose(spectrum.scaled(spectra), [[[0, 0.5], [0.25, 1]], [[0, 0], [0, 0]]])


@pytest.mark.parametrize("transform", spectrum.TRANSFORMS)
def test_gradients_of_an_empty_image_are_finite(transform):
    images = tf.zeros((1, 8, 8))
    with tf.GradientTape() as tape:
        tape.watch(images)
        value = tf.reduce_sum(spectrum.polar(images, 8, np.arange(1, 3), 16, transform))
    assert np.isfinite(tape.gradient(value, images)).all()


def test_unknown_transform_is_refused():
    with pytest.raises(InputError, match="'square'.*none, root, log"):
        spectrum.compress(tf.ones(1), "square")

"""Fourier resampling against functions whose values are known between the pixels, and against NumPy's FFT."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.spectra.resample import fourier_resample, scale_shift

SIZES = [(32, 16), (32, 17), (33, 16), (33, 17), (16, 32), (16, 33), (17, 32), (17, 33), (24, 24), (17, 17)]


def gaussian(size, x, y, sigma):
    """A blob at (x, y) from the centre (size - 1) / 2, width sigma; all in fractions of the size, periodic."""
    grid = (np.arange(size) - (size - 1) / 2) / size
    distance = [(grid - p + 0.5) % 1.0 - 0.5 for p in (x, y)]
    gx, gy = (np.exp(-(d**2) / (2 * sigma**2)) for d in distance)
    return (gy[:, None] * gx[None, :]).astype(np.float32)


@pytest.mark.parametrize("size, box", SIZES)
def test_blob_stays_where_it_is(size, box):
    # sigma 0.09: at 8 waves a side, the Nyquist frequency of 16 pixels, the spectrum is down to 4e-5
    places = [(0.0, 0.0), (0.13, -0.21), (-0.3, 0.05)]
    images = np.stack([gaussian(size, x, y, 0.09) for x, y in places])
    wanted = np.stack([gaussian(box, x, y, 0.09) for x, y in places])
    np.testing.assert_allclose(fourier_resample(images, box), wanted, atol=1e-4)


def by_fft(image, box):
    """Crop or pad the centred spectrum of one image with the phase that moves the centre, one axis after the other."""
    for _ in range(2):
        size = image.shape[0]
        spectrum = np.fft.fft(image, axis=0)
        wide = np.zeros((box, image.shape[1]), complex)
        for k in range(-(min(size, box) // 2), min(size, box) // 2 + 1):
            if 2 * abs(k) > min(size, box):
                continue
            weight = 0.5 if 2 * abs(k) == size and box >= size else 1.0  # the one Nyquist term, shared by both signs
            move = np.exp(2j * np.pi * k / size * ((size - 1) / 2 - (box - 1) / 2 * size / box))
            wide[k % box] += weight * move * spectrum[k % size]
        image = (np.fft.ifft(wide, axis=0) * box / size).real.T
    return image


@pytest.mark.parametrize("size, box", SIZES)
def test_noise_equals_the_fft(size, box):
    image = np.random.default_rng(size * 100 + box).normal(size=(size, size)).astype(np.float32)
    result = fourier_resample(image[None], box)[0]
    np.testing.assert_allclose(result, by_fft(image.astype(np.float64), box), atol=2e-5)
    np.testing.assert_allclose(np.mean(result), image.mean(), atol=1e-6)


@pytest.mark.parametrize("size", [16, 17])
@pytest.mark.parametrize("box", [31, 32])
def test_up_and_down_again_gives_the_image_back(size, box):
    image = np.random.default_rng(0).normal(size=(2, size, size)).astype(np.float32)  # noise: up to its Nyquist term
    np.testing.assert_allclose(fourier_resample(fourier_resample(image, box), size), image, atol=2e-5)


def test_shift_is_scaled():
    moved = gaussian(48, 6.0 / 48, -3.0 / 48, 0.09)  # 6 px right, 3 up
    small = fourier_resample(moved[None], 20)[0].numpy()
    grid = np.arange(20) - 9.5
    found = np.array([(small.sum(0) * grid).sum(), (small.sum(1) * grid).sum()]) / small.sum()
    np.testing.assert_allclose(found, scale_shift(np.array([6.0, -3.0]), 48, 20), atol=2e-3)
    np.testing.assert_allclose(scale_shift(np.array([6.0, -3.0]), 48, 20), [2.5, -1.25])


def test_sizes_unknown_while_tracing():
    traced = tf.function(fourier_resample, input_signature=[tf.TensorSpec((None, None, None)), tf.TensorSpec((), tf.int32)])
    for size, box in ((16, 9), (9, 16), (12, 12)):
        images = np.stack([gaussian(size, 0.1, 0.0, 0.15)] * 2)
        np.testing.assert_allclose(traced(images, box), fourier_resample(images, box), atol=1e-6)
        assert traced(images, box).shape == (2, box, box)

"""The filter of a pair from its own power against the formula, on images whose signal-to-noise ratio is known by frequency."""

import numpy as np
import pytest
import tensorflow as tf

from udl_tf.alignment import frame_filter
from udl_tf.alignment.frame_filter import FrameFilter
from udl_tf.networks.window import soft_disc

BOX, BAND = 64, 10
SEEN = np.square(soft_disc(BOX)).sum()  # power of white noise of variance 1 through the window


def radius(box):
    return np.hypot(*np.meshgrid(np.fft.fftfreq(box, 1 / box), np.fft.fftfreq(box, 1 / box)))


def banded(count, box=BOX, seed=0):
    """Images of which all frequencies below BAND have the same power, box^2, and the others none."""
    white = np.random.default_rng(seed).normal(size=(count, box, box))
    return np.fft.ifft2(np.fft.fft2(white) * (np.rint(radius(box)) < BAND)).real


def filtered(fixed, moving, native=BOX, sizes=(BOX,), agreed=0.0):
    whole = FrameFilter(fixed.shape[1])
    seen = whole.seen(*(tf.constant(part, tf.float32) for part in (fixed, moving)))
    found = whole.filtered(*seen, native, sizes, agreed)
    return {size: type(one)(*(part.numpy() for part in one)) for size, one in found.items()}


def gains(images, found):
    """Of each ring, from what the filter made of the images: (count, rings)."""
    ratio = np.abs(np.fft.fft2(found)) / np.abs(np.fft.fft2(images))
    return np.stack([np.median(ratio[:, np.rint(radius(BOX)) == ring], 1) for ring in range(BOX // 2)], 1)


@pytest.fixture
def unsmoothed(monkeypatch):
    monkeypatch.setattr(frame_filter, "SMOOTHING", 0.3)


def test_gains_of_a_known_signal_to_noise_ratio(unsmoothed):
    """Signal below BAND at s = 4, noise of power 1: s / (1 + 2 s) / N is 4 / 9 there and nothing beyond."""
    rng = np.random.default_rng(1)
    signal = 2.0 * banded(40)
    pair = [signal + rng.normal(size=signal.shape) for _ in range(2)]
    found = filtered(*pair)[BOX]
    square = np.square(gains(pair[0], found.fixed)) * SEEN
    np.testing.assert_allclose(np.median(square[:, 3:7], 0), np.full(4, 4 / 9), rtol=0.1)
    assert np.median(square[:, 14:]) < 0.05
    # Of the filtered power the signal has s / (1 + s), but for what chance leaves beyond the band.
    assert 0.65 < np.median(found.expected) < 0.8 and 0.3 < np.median(found.share) < 0.8
    # 10 rings with as many complex numbers as half a disc of radius 9.5 has.
    np.testing.assert_allclose(np.median(found.independent), np.pi * 9.5**2 / 2, rtol=0.4)  # and some beyond


def test_white_noise_alone_is_expected_to_agree_in_nothing():
    fixed, moving = np.random.default_rng(2).normal(size=(2, 40, BOX, BOX))
    found = filtered(fixed, moving)[BOX]
    assert np.median(found.expected) < 0.15


def test_white_texture_that_both_have_in_common_is_signal():
    """Of power 1 a fifth is noise: s = 4, so s / (1 + s) = .8 of it is expected to agree, at every frequency alike."""
    images = np.random.default_rng(2).normal(size=(40, BOX, BOX))
    found = filtered(images, images, agreed=tf.fill([40], 0.8))[BOX]
    np.testing.assert_allclose(np.median(found.expected), 0.8, atol=0.02)
    np.testing.assert_allclose(np.median(found.share), 0.8, atol=0.02)
    square = np.median(np.square(gains(images, found.fixed)) * SEEN, 0)
    np.testing.assert_allclose(square[3:28], np.full(25, 4 / 9 / 0.2), rtol=0.1)


def test_what_has_next_to_no_noise_is_whitened(unsmoothed):
    """Power 400 below BAND and 1 above: interpolation's errors go with the power, so a fiftieth of it, 8, is the noise there."""
    noise = np.random.default_rng(3).normal(size=(40, BOX, BOX))
    images = 20.0 * banded(40) + noise
    found = filtered(images, images)[BOX]
    square = np.square(gains(images, found.fixed)) * SEEN
    np.testing.assert_allclose(np.median(square[:, 3:7], 0), np.full(4, 49 / 99 / 8), rtol=0.1)
    assert 0.94 < np.median(found.expected) < 0.98  # next to nothing is lost to what lies beyond


def test_smaller_images_have_their_noise_where_their_own_frequencies_end():
    """32 pixels brought to 64: above ring 16 there is nothing, and what lies in rings 12 to 15 is the noise."""
    from pipelines.spectra.resample import fourier_resample

    pair = np.random.default_rng(4).normal(size=(2, 40, 32, 32))
    large = [fourier_resample(tf.constant(images, tf.float32), BOX).numpy() for images in pair]
    assert np.median(filtered(*large, native=32)[BOX].expected) < 0.3
    assert np.median(filtered(*large, native=64)[BOX].expected) > 0.5  # as if it were all signal


def test_the_sizes_show_the_same_picture():
    signal = banded(2)
    signal += np.random.default_rng(7).normal(0, 0.5, signal.shape)
    found = filtered(signal, signal, sizes=(16, 32, BOX))
    assert [found[size].fixed.shape for size in (16, 32, BOX)] == [(2, 16, 16), (2, 32, 32), (2, BOX, BOX)]
    low = np.fft.fft2(found[BOX].fixed)[:, :6, :6]
    half = np.fft.fft2(found[32].fixed)[:, :6, :6] * 4.0  # a quarter of the pixels
    np.testing.assert_allclose(np.abs(half), np.abs(low), rtol=1e-3, atol=1e-3 * np.abs(low).max())

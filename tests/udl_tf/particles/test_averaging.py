"""Sums of aligned particles and the averages made of them, compared with sums taken by hand in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.spectra import ctf
from udl_tf.particles.averaging import average, gains, sums
from udl_tf.particles.rings import Rings

SIZE = 48


def add(images, ctfs, angle, shift, weight, half):
    arrays = (np.asarray(part, np.float32) for part in (angle, shift, weight))
    return [part.numpy() for part in sums(tf.constant(images), ctfs, *map(tf.constant, arrays), tf.constant(half, tf.int32))]


@pytest.fixture(scope="module")
def blob(picture):
    """A picture that ends well inside the frame."""
    return picture(0.0, (0.0, 0.0), SIZE)[0]


def several_ctfs(count=5):
    """CTFs with astigmatism of various defoci, whose zeros lie at different frequencies."""
    u = np.linspace(9000, 21000, count)
    return ctf.ctf(SIZE, 3.0, u, u * 0.85, np.linspace(0, 150, count)).numpy()


def test_sums_of_images_that_stay_where_they_are():
    """Without turns and shifts nothing is interpolated: sums are weighted sums of each half."""
    images = np.random.default_rng(1).standard_normal((5, SIZE, SIZE)).astype(np.float32)
    weight, half = np.array([1.0, 0.5, 0.0, 2.0, 1.0]), np.array([0, 1, 0, 1, 0])
    numerator, denominator = add(images, None, np.zeros(5), np.zeros((5, 2)), weight, half)
    wanted = [images[0] + images[4], 0.5 * images[1] + 2.0 * images[3]]
    np.testing.assert_allclose(numerator, wanted, atol=1e-4)
    assert denominator.shape == (2, SIZE, SIZE // 2 + 1)
    np.testing.assert_allclose(denominator, np.array([2.0, 2.5])[:, None, None] * np.ones_like(denominator))


def test_sums_with_a_ctf():
    images = np.random.default_rng(1).standard_normal((5, SIZE, SIZE)).astype(np.float32)
    values, weight, half = several_ctfs(), np.array([1.0, 0.5, 0.0, 2.0, 1.0]), np.array([0, 1, 0, 1, 0])
    numerator, denominator = add(images, values, np.zeros(5), np.zeros((5, 2)), weight, half)
    for number in (0, 1):
        share = np.where(half == number, weight, 0.0)[:, None, None]
        spectrum = np.sum(share * np.fft.rfft2(images) * values, 0)
        np.testing.assert_allclose(numerator[number], np.fft.irfft2(spectrum, (SIZE, SIZE)), atol=1e-3)
        np.testing.assert_allclose(denominator[number], np.sum(share * np.square(values), 0), rtol=1e-5, atol=1e-6)


def test_an_image_of_weight_0_leaves_no_trace(blob):
    noise = 1e3 * np.random.default_rng(2).standard_normal((SIZE, SIZE)).astype(np.float32)
    pose = np.array([0.0, 40.0]), np.array([[0.0, 0.0], [3.0, -2.0]])
    both = add(np.stack([blob, noise]), None, *pose, [1.0, 0.0], [0, 0])
    alone = add(blob[None], None, [0.0], [[0.0, 0.0]], [1.0], [0])
    for with_noise, without in zip(both, alone, strict=True):
        np.testing.assert_allclose(with_noise, without, atol=1e-5)
    nothing = add(blob[None], None, [0.0], [[0.0, 0.0]], [0.0], [1])
    assert not np.any(nothing[0]) and not np.any(nothing[1])
    assert np.isfinite(average(*nothing, Rings(SIZE))).all()


def test_turned_images_fall_onto_each_other(picture, blob):
    """Pictures of exactly known poses, brought back: their sum is that many times the picture, but for interpolation."""
    angle, shift = np.array([0.0, 90.0, -35.0, 160.0]), np.array([[0, 0], [2.0, 1.0], [-3.0, 0.5], [1.5, 4.0]])
    z = np.exp(1j * np.deg2rad(-angle)) * (shift[:, 0] - 1j * shift[:, 1])
    images = picture(-angle, -np.stack([z.real, -z.imag], 1), SIZE)
    numerator, denominator = add(images, None, angle, shift, np.ones(4), [0, 1, 0, 1])
    found = average(numerator, denominator, Rings(SIZE))
    for half in found:
        assert np.corrcoef(half.ravel(), blob.ravel())[0, 1] > 0.995


@pytest.mark.parametrize(("size", "astigmatism"), [(48, 1.0), (47, 1.0), (48, 0.9)])
def test_the_average_undoes_the_ctfs(picture, size, astigmatism):
    """Copies seen through different CTFs: their average is the picture, also where the CTFs cross 0.

    At low frequencies the CTF rises so fast that dividing by its mean over a ring would leave a correlation of 0.975.
    """
    blob = picture(0.0, (0.0, 0.0), size)[0].astype(np.float64)
    u = np.linspace(9000, 21000, 12)
    values = ctf.ctf(size, 3.0, u, u * astigmatism, np.linspace(0, 150, 12)).numpy()
    copies = np.fft.irfft2(np.fft.rfft2(blob) * values, (size, size)).astype(np.float32)
    zeros = np.zeros(12)
    rings = Rings(size)
    found = average(*add(copies, values, zeros, np.zeros((12, 2)), zeros + 1, np.arange(12) % 2), rings)
    # What interpolation would have blurred, had anything been turned, is sharpened; it is 1 / rings.fade too much here.
    blur = rings.fade
    for half in found:
        unsharpened = np.fft.irfft2(np.fft.rfft2(half) * blur, (size, size))
        assert np.corrcoef(unsharpened.ravel(), blob.ravel())[0, 1] > 0.999
        assert np.abs(unsharpened - unsharpened.mean() - blob + blob.mean()).max() < 0.05 * np.ptp(blob)
    # No single copy is: the CTF takes low frequencies away.
    assert np.corrcoef(copies[0].ravel(), blob.ravel())[0, 1] < 0.9


def test_gains_by_hand():
    """3 images without CTF: 3 plus a share of it, times the blur. Nothing is divided by 0 where there is nothing."""
    rings = Rings(SIZE)
    denominator = np.stack([3.0 * np.ones((SIZE, SIZE // 2 + 1)), np.zeros((SIZE, SIZE // 2 + 1))])
    found = gains(denominator, rings, regular=0.5)
    np.testing.assert_allclose(found[0], 4.5 * rings.fade, rtol=1e-9)
    assert (found[1] > 0).all() and (found[1] < 1e-6).all()


@pytest.mark.parametrize("size", [48, 47])
def test_ring_means(size):
    rings = Rings(size)
    y, x = np.fft.fftfreq(size) * size, np.arange(size // 2 + 1)
    field = np.random.default_rng(3).random((2, size, size // 2 + 1))
    full = np.zeros((2, size, size))  # the whole plane, each frequency and its mirror image
    radius = np.zeros((size, size))
    for row in range(size):
        for column in range(size):
            there = column < size // 2 + 1
            full[:, row, column] = field[:, row, column] if there else field[:, -row % size, size - column]
            radius[row, column] = np.hypot(y[row], y[column])
    for ring in (0, 1, 7, size // 2):
        wanted = full[:, np.rint(radius) == ring].mean(1)
        np.testing.assert_allclose(rings.means(field)[:, ring], wanted, rtol=1e-9)
    # A field of rings has its rings as means, and comes back from them but for the corners.
    known = np.cos(np.rint(np.hypot(y[:, None], x[None])))
    means = rings.means(known)
    np.testing.assert_allclose(means, np.cos(np.arange(size // 2 + 1)), atol=1e-12)
    inside = np.rint(np.hypot(y[:, None], x[None])) <= size // 2
    np.testing.assert_allclose(rings.spread(means), known * inside, atol=1e-12)
    inside_all = np.rint(radius) <= size // 2
    np.testing.assert_allclose(rings.mean(means), np.cos(np.rint(radius))[inside_all].mean(), atol=1e-12)


def test_the_blur_of_interpolation_is_that_of_bilinear_shifts(blob):
    """Moved by shares of a pixel all over the place and back by whole ones: the ring powers fall as `fade` says."""
    random = np.random.default_rng(5)
    noise = random.standard_normal((1, SIZE, SIZE)).astype(np.float32)
    shift = random.uniform(-0.5, 0.5, (400, 2))
    # Shifted exactly by phases one way, and by interpolation the other: the mean is the noise, blurred.
    y, x = np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE)[None, :]
    phase = np.exp(2j * np.pi * (x * shift[:, 0, None, None] + y * shift[:, 1, None, None]))
    moved = np.fft.irfft2(np.fft.rfft2(noise) * phase, (SIZE, SIZE)).astype(np.float32)
    numerator, _ = add(moved, None, np.zeros(400), shift, np.ones(400), np.zeros(400, int))
    rings = Rings(SIZE)
    spectrum, before = np.fft.rfft2(numerator[0] / 400), np.fft.rfft2(noise[0])
    found = rings.means((spectrum * before.conj()).real) / rings.means(np.square(np.abs(before)))
    np.testing.assert_allclose(found[1 : SIZE // 2 - 1], rings.means(rings.fade)[1 : SIZE // 2 - 1], atol=0.06)
    assert rings.means(rings.fade)[SIZE // 2] < 0.6  # it is no small thing

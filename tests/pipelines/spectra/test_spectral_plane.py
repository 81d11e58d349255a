"""Planes of low frequencies against numpy.fft, and against pictures that are turned and moved exactly."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.spectra import spectral_plane

SPOTS = np.array([[0.0, 1.0, 3.0], [9.0, 2.0, 2.0], [-5.0, 7.0, 2.5], [3.0, -11.0, 2.0], [-10.0, -4.0, 3.0]])  # x, y, width


def spots(angle=0.0, shift=(0.0, 0.0), size=64):
    """A picture (1, size, size) turned counter-clockwise, then moved, by formula; with y up a turn is a product."""
    z = np.exp(1j * np.deg2rad(angle)) * (SPOTS[:, 0] - 1j * SPOTS[:, 1])
    y, x = np.mgrid[:size, :size][..., None] - (size - 1) / 2
    squares = (x - z.real - shift[0]) ** 2 + (y + z.imag - shift[1]) ** 2
    return np.exp(-squares / (2 * SPOTS[:, 2] ** 2)).sum(-1)[None].astype(np.float32)


def noise(size, count=2):
    return np.random.default_rng(size).normal(size=(count, size, size)).astype(np.float32)


def expected(images, vertical, horizontal, pad):
    """Fourier transform [image, vertical, horizontal], phases counted from the image centre, by NumPy."""
    size = images.shape[1]
    full = np.fft.fft2(images, (pad * size, pad * size))[:, vertical[:, None], horizontal[None, :]]
    steps = vertical[:, None] + horizontal[None, :]
    return full * np.exp(1j * np.pi * steps * (size - 1) / (pad * size))


def plane(images, highest):
    return spectral_plane.plane(tf.constant(images), highest)


def spectrum(parts):
    """Real and imaginary parts (batch, 2, n) as complex numbers."""
    real, imag = np.moveaxis(np.asarray(parts), 1, 0)
    return real + 1j * imag


def upright(images, highest, points):
    return spectrum(spectral_plane.upright(plane(images, highest), points))


def turned(planes, angle, points):
    return spectrum(spectral_plane.turned(planes, tf.constant(np.broadcast_to(angle, (len(planes),)), tf.float32), points))


@pytest.mark.parametrize(("size", "highest"), [(16, 5), (17, 5), (15, 4)])
def test_a_plane_is_the_padded_transform(size, highest):
    images = noise(size)
    found = plane(images, highest).numpy()
    edge = highest * spectral_plane.PAD + 1
    assert found.shape == (2, 2 * edge + 1, edge + 1, 2)
    wanted = expected(images, np.arange(-edge, edge + 1), np.arange(edge + 1), spectral_plane.PAD)
    np.testing.assert_allclose(found[..., 0] + 1j * found[..., 1], wanted, atol=1e-4)


@pytest.mark.parametrize("highest", [6, 3])
def test_the_upright_spectrum_is_the_transform_of_the_box(highest):
    images = noise(17)
    wanted = expected(images, np.arange(-highest, highest + 1), np.arange(highest + 1), 1)
    found = upright(images, 6, spectral_plane.grid(highest))
    np.testing.assert_allclose(found.reshape(wanted.shape), wanted, atol=1e-4)


def test_the_frequencies_of_a_disc():
    points = spectral_plane.disc(2)
    wanted = {(0, -2), (1, -2), (0, -1), (1, -1), (2, -1), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (0, 2), (1, 2)}
    assert len(points) == len(wanted) and {tuple(point) for point in points} == wanted


@pytest.mark.parametrize(("turns", "size"), [(0, 16), (1, 16), (2, 17), (3, 17), (-1, 16)])
def test_quarter_turns_are_exact(turns, size):
    images, points = noise(size), spectral_plane.disc(6)
    found = turned(plane(images, 6), 90.0 * turns, points)
    np.testing.assert_allclose(found, upright(np.rot90(images, turns, (1, 2)).copy(), 6, points), atol=2e-3)


@pytest.mark.parametrize("angle", [30.0, -17.0, 135.0, -171.0])
def test_a_turned_plane_is_the_plane_of_the_turned_picture(angle):
    points = spectral_plane.disc(12)
    wanted = upright(spots(angle), 12, points)
    error = [np.linalg.norm(turned(plane(spots(), 12), sign * angle, points) - wanted) for sign in (1, -1)]
    # It is interpolated between frequencies half a cycle apart.
    assert error[0] < 0.05 * np.linalg.norm(wanted) and error[1] > 0.2 * np.linalg.norm(wanted)


def test_every_image_has_its_own_angle():
    images, points = np.concatenate([spots(), spots(40.0), spots(90.0)]), spectral_plane.disc(5)
    found = turned(plane(images, 8), [100.0, 60.0, 10.0], points)
    assert found.shape == (3, len(points))
    for other in (1, 2):
        np.testing.assert_allclose(found[other], found[0], atol=0.03 * np.abs(found[0]).max())


@pytest.mark.parametrize("shift", [(2.0, 0.0), (0.0, -3.0), (2.3, -4.6)])
def test_moving_multiplies_by_phases(shift):
    points = spectral_plane.disc(12)
    still = spectral_plane.upright(plane(spots(25.0), 12), points)
    found = spectrum(spectral_plane.moved(still, tf.constant([shift]), points, 64))
    there = upright(spots(25.0, shift), 12, points)
    np.testing.assert_allclose(found, there, atol=1e-3 * np.abs(there).max())


def test_moving_by_whole_pixels_rolls_the_image():
    images, points = noise(16), spectral_plane.disc(5)
    rolled = np.roll(images, (-2, 3), (1, 2))  # down the rows by -2, to the right by 3
    found = spectral_plane.moved(spectral_plane.upright(plane(images, 5), points), tf.constant([[3.0, -2.0]] * 2), points, 16)
    np.testing.assert_allclose(spectrum(found), upright(rolled, 5, points), atol=1e-4)


def test_change_per_pixel():
    points, small = spectral_plane.disc(8), 0.01
    along = spectral_plane.per_pixel(spectral_plane.upright(plane(spots(25.0), 8), points), points, 64)
    for change, shift in zip(along, ((small, 0.0), (0.0, small))):
        difference = upright(spots(25.0, shift), 8, points) - upright(spots(25.0, np.negative(shift)), 8, points)
        np.testing.assert_allclose(spectrum(change), difference / (2 * small), atol=1e-2 * np.abs(difference / 2 / small).max())


def test_product_by_hand():
    first, second = (tf.constant(parts, tf.float32)[None, :, None] for parts in ([1.0, 2.0], [3.0, -4.0]))
    assert spectral_plane.product(first, second).numpy().item() == -5.0  # (1 + 2i) (3 + 4i) = -5 + 10i


def test_half_a_plane_counts_for_all_of_it():
    images, points = noise(21, 1), spectral_plane.disc(7)
    found = np.abs(upright(images, 7, points)[0]) ** 2 * spectral_plane.multiplicity(points, 7)
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(21, 1 / 21), np.fft.fftfreq(21, 1 / 21)))
    whole = np.abs(np.fft.fft2(images[0])) ** 2
    for low, high in ((0.5, 7.5), (0.5, 2.1), (4.1, 6.9)):
        chosen = (np.hypot(*points.T) > low) & (np.hypot(*points.T) < high)
        assert found[chosen].sum() == pytest.approx(whole[(radius > low) & (radius < high)].sum(), rel=1e-4)
    assert spectral_plane.multiplicity(points, 7).sum() == np.sum((radius > 0.5) & (radius < 7.5))

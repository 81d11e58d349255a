"""Particles refined against an average: exact renders, derivatives by finite differences, and error bars that are true."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from pipelines.spectra import ctf, spectral_plane
from udl_tf.particles import averaging
from udl_tf.particles.masks import framed, window_of
from udl_tf.particles.refinement import ReferenceRefinement
from udl_tf.particles.rings import Rings

SIZE = 48
HIGHEST = 16


def seen_at(picture, angle, shift, size=SIZE):
    """Particles that the poses (angle, shift) bring onto ``picture(0, 0)``."""
    z = np.exp(-1j * np.deg2rad(angle)) * (-shift[:, 0] + 1j * shift[:, 1])  # R(-angle)(-shift), y up
    return picture(-angle, np.stack([z.real, -z.imag], -1), size).astype(np.float32)


def some_poses(count, seed=0):
    random = np.random.default_rng(seed)
    return random.uniform(-180, 180, count).astype(np.float32), random.uniform(-4, 4, (count, 2)).astype(np.float32)


class Bench:
    """A refinement with the average of a picture, white noise of a standard deviation, and the pictures' CTFs."""

    def __init__(self, average, noise=0.1, highest=HIGHEST):
        size = len(average)
        self.size, self.refinement = size, ReferenceRefinement(size, highest)
        self.table = tf.function(self.refinement.table)(average[None].astype(np.float32))[0]
        self.even = self.refinement.round(self.table)
        self.rings = self.refinement.highest + 1
        self.power = np.full(self.rings, noise**2 * size**2, np.float32)
        self._step = tf.function(self.refinement.step)

    def step(self, images, angle, shift, ctfs=None, own=None, steps=1):
        spectra = self.refinement.spectra(tf.constant(images, tf.float32))
        here = tf.ones(spectra.shape) if ctfs is None else self.refinement.sampled(tf.constant(ctfs))
        own = np.zeros((len(images), self.rings), np.float32) if own is None else own
        angle, shift = tf.constant(angle, tf.float32), tf.constant(shift, tf.float32)
        for _ in range(steps):
            fit = self._step(self.table, self.even, spectra, here, self.power, own, angle, shift)
            angle, shift = fit.angle, fit.shift
        return type(fit)(*(part.numpy() for part in fit))


def errors(fit, angle, shift):
    return geometry.wrap_degrees(fit.angle - angle), fit.shift - shift


def astigmatic(count, size=SIZE, pixel_size=3.0):
    u = np.linspace(14000, 24000, count)
    return ctf.ctf(size, pixel_size, u, 0.7 * u, np.linspace(0, 170, count)).numpy()


def through(images, ctfs):
    size = images.shape[-1]
    return np.fft.irfft2(np.fft.rfft2(images) * ctfs, (size, size)).astype(np.float32)


@pytest.mark.parametrize("size", [48, 63])
@pytest.mark.parametrize("with_ctf", [False, True])
def test_exact_pictures_come_back_to_their_poses(picture, size, with_ctf):
    angle, shift = some_poses(12)
    images, ctfs = seen_at(picture, angle, shift, size), None
    if with_ctf:
        ctfs = astigmatic(12, size)
        images = through(images, ctfs)
    random = np.random.default_rng(1)
    start = angle + random.uniform(-3, 3, 12), shift + random.uniform(-1, 1, (12, 2))
    fit = Bench(picture(0.0, (0.0, 0.0), size)[0]).step(images, *start, ctfs, steps=5)
    of_angle, of_shift = errors(fit, angle, shift)
    # Far below any noise; what is left is bilinear interpolation of the spectrum.
    assert np.abs(of_angle).max() < 0.05 and np.abs(of_shift).max() < 0.02
    np.testing.assert_allclose(fit.amplitude, 1.0, atol=0.02)


def test_the_amplitude_is_the_contrast(picture):
    angle, shift = some_poses(3)
    images = np.array([0.5, 1.0, -1.0], np.float32)[:, None, None] * seen_at(picture, angle, shift)
    fit = Bench(picture(0.0, (0.0, 0.0), SIZE)[0]).step(images, angle, shift)
    np.testing.assert_allclose(fit.amplitude, [0.5, 1.0, -1.0], atol=0.02)
    np.testing.assert_allclose(fit.detection / fit.detection[1], [0.5, 1.0, -1.0], atol=0.02)
    np.testing.assert_allclose(fit.uneven, [0.5, 1.0, -1.0], atol=0.03)


@pytest.mark.parametrize("with_ctf", [False, True])
def test_the_variance_is_the_cramer_rao_bound_by_finite_differences(picture, with_ctf):
    """Derivatives of exact renders, which share no line with the refinement: only pictures of slightly other poses."""
    angle, shift = np.array([0.0, 35.0, -120.0]), np.array([[0.0, 0.0], [2.0, -1.0], [-3.0, 0.5]])
    noise, ctfs = 0.2, astigmatic(3) if with_ctf else np.ones((3, SIZE, SIZE // 2 + 1), np.float32)
    fit = Bench(picture(0.0, (0.0, 0.0), SIZE)[0], noise).step(through(seen_at(picture, angle, shift), ctfs), angle, shift, ctfs)
    y, x = np.rint(np.fft.fftfreq(SIZE) * SIZE)[:, None], np.arange(SIZE // 2 + 1)[None]
    share = np.where(x == 0, 1.0, 2.0) * ((np.hypot(y, x) > 0.5) & (np.hypot(y, x) < HIGHEST + 0.5))
    delta = 0.05
    for row in range(3):
        slopes = []
        for step in np.eye(3) * delta:
            ahead, behind = (
                np.fft.rfft2(
                    seen_at(picture, angle[row : row + 1] + sign * step[:1], shift[row : row + 1] + sign * step[None, 1:]).astype(
                        float
                    )
                )
                for sign in (1, -1)
            )
            slopes.append((ctfs[row] * (ahead - behind) / (2 * delta))[0])
        information = np.array([[np.sum(share * (a * b.conj()).real) for b in slopes] for a in slopes]) / (noise**2 * SIZE**2)
        np.testing.assert_allclose(fit.variance[row], np.linalg.inv(information)[0, 0], rtol=0.05)


def test_a_step_is_the_newton_step_and_no_longer_than_2_degrees(picture):
    """From 0.5 degrees off the first step leaves little; from 8 degrees off it goes 2 degrees in the right direction."""
    angle, shift = some_poses(6)
    images = seen_at(picture, angle, shift)
    bench = Bench(picture(0.0, (0.0, 0.0), SIZE)[0])
    near = bench.step(images, angle + 0.5, shift - 0.3)
    assert np.abs(errors(near, angle, shift)[0]).max() < 0.05 and np.abs(errors(near, angle, shift)[1]).max() < 0.03
    far = bench.step(images, angle - 8.0, shift)
    np.testing.assert_allclose(errors(far, angle, shift)[0], -6.0, atol=0.01)


@pytest.mark.parametrize("with_ctf", [False, True])
def test_noise_scatters_the_poses_as_the_variance_says(picture, with_ctf):
    count, noise = 240, 0.25  # the scatter is known to 1 / sqrt(2 count) = 5 %
    angle, shift = some_poses(count)
    ctfs = astigmatic(count) if with_ctf else None
    images = seen_at(picture, angle, shift)
    images = images if ctfs is None else through(images, ctfs)
    images = images + noise * np.random.default_rng(4).standard_normal(images.shape).astype(np.float32)
    bench = Bench(picture(0.0, (0.0, 0.0), SIZE)[0], noise)
    found = bench.step(images, angle + 1.0, shift, ctfs, steps=4)
    fit = bench.step(images, found.angle, found.shift, ctfs)
    of_angle, _ = errors(found, angle, shift)
    pull = of_angle / np.sqrt(fit.variance)
    assert 0.8 < np.sqrt(np.mean(np.square(pull))) < 1.25 and abs(np.mean(pull)) < 0.3
    assert abs(np.median(fit.amplitude) - 1) < 0.03
    # The amplitude over its standard error: that error is what amplitudes scatter by.
    error = fit.amplitude / fit.detection
    assert 0.8 < np.std((fit.amplitude - 1) / error) < 1.25


@pytest.mark.parametrize("windowed", [False, True])
def test_pure_noise_is_detected_with_a_standard_deviation_of_1(picture, windowed):
    """Also when seen through the window: the average lies inside it, so what it takes from the noise does not matter."""
    count, noise = 500, 0.7
    images = noise * np.random.default_rng(9).standard_normal((count, SIZE, SIZE)).astype(np.float32)
    if windowed:
        images = framed(images, window_of(SIZE)).numpy()
    fit = Bench(picture(0.0, (0.0, 0.0), SIZE)[0], noise).step(images, *some_poses(count))
    for detection in (fit.detection, fit.uneven_detection):
        assert abs(detection.mean()) < 0.15 and 0.9 < detection.std() < 1.1  # known to 0.045 and 0.03
    np.testing.assert_allclose(fit.amplitude.std(), np.abs(fit.amplitude / fit.detection).mean(), rtol=0.15)


@pytest.mark.parametrize("with_ctf", [False, True])
def test_what_a_particle_has_in_common_with_itself_is_taken_away(with_ctf):
    """The average of 40 images of nothing but noise: each is found in it, because it is part of it, unless that is known."""
    members, noise = 40, 1.0
    random = np.random.default_rng(12)
    images = random.standard_normal((2 * members, SIZE, SIZE)).astype(np.float32)
    images = framed(images, window_of(SIZE)).numpy()
    values = ctf.ctf(SIZE, 3.0, np.linspace(14000, 24000, members)).numpy() if with_ctf else None
    angle, shift = random.uniform(-180, 180, members).astype(np.float32), np.zeros((members, 2), np.float32)
    rest = (tf.constant(part) for part in (angle, shift, np.ones(members, np.float32), np.zeros(members, np.int32)))
    numerator, denominator = averaging.sums(tf.constant(images[:members]), values, *rest)
    rings = Rings(SIZE)
    # Divided ring by ring, and filtered. Turning blurs what is added up, so a particle has less of itself in the sums.
    gain = rings.spread(np.exp(-np.arange(rings.count) / 20.0)) / averaging.gains(denominator.numpy(), rings)[0]
    share = rings.means(gain * rings.fade)
    spectrum = np.fft.rfft2(numerator.numpy()[0]) * gain
    bench = Bench(np.fft.irfft2(spectrum, (SIZE, SIZE)), noise)
    own = np.tile(share[: bench.rings], (members, 1)).astype(np.float32)
    blind = bench.step(images[:members], angle, shift, values)
    knowing = bench.step(images[:members], angle, shift, values, own)
    others = bench.step(images[members:], angle, shift, values)
    assert blind.detection.mean() > 2.5 and blind.uneven_detection.mean() > 2.5
    for fit in (knowing, others):  # the mean of 40 is known to 0.16
        assert abs(fit.detection.mean()) < 0.8 and abs(fit.uneven_detection.mean()) < 0.8
        assert 0.7 < fit.detection.std() < 1.3


def test_round_is_the_mean_over_all_turns(picture):
    """By brute force: pictures turned by every 5 degrees, rendered, averaged, transformed."""
    bench = Bench(picture(0.0, (0.0, 0.0), SIZE)[0])
    turns = np.arange(0, 360, 5.0)
    mean = picture(turns, np.zeros((len(turns), 2)), SIZE).mean(0)
    found, wanted = bench.even.numpy(), bench.refinement.spectra(tf.constant(mean[None]))[0].numpy()
    assert np.abs(wanted).max() > 50
    assert np.abs(found - wanted).max() < 0.02 * np.abs(wanted).max()
    assert np.abs(found.imag).max() < 0.02 * np.abs(wanted).max()  # what is round is the same from both sides


def test_a_round_average_tells_no_angle(picture):
    """Of a round picture everything is detected and nothing of it uneven; the variance of the angle says so, too."""
    spots = np.array([[0.0, 0.0, 0.12, 1.0], [0.0, 0.0, 0.05, 1.0]])
    round_one, plain = picture(0.0, (0.0, 0.0), SIZE, spots)[0], picture(0.0, (0.0, 0.0), SIZE)[0]
    noise = np.random.default_rng(3).standard_normal((40, SIZE, SIZE)).astype(np.float32)
    angle, zeros = some_poses(40)[0], np.zeros((40, 2), np.float32)
    fit = Bench(round_one, 0.8).step(round_one + 0.8 * noise, angle, zeros)
    other = Bench(plain, 0.8).step(seen_at(picture, angle, zeros) + 0.8 * noise, angle, zeros)
    assert fit.detection.min() > 10 and abs(fit.uneven_detection.mean()) < 0.3 * fit.detection.mean()
    assert fit.variance.min() > 100 * other.variance.max()
    assert other.uneven_detection.mean() > 0.4 * other.detection.mean() > 5


@pytest.mark.parametrize(("size", "highest"), [(48, 100), (63, 100), (63, 20)])
def test_frequencies_compared(size, highest):
    refinement = ReferenceRefinement(size, highest)
    assert refinement.highest == min(highest, (size - 1) // 2)
    np.testing.assert_array_equal(refinement.points, spectral_plane.disc(refinement.highest))
    image = np.random.default_rng(0).standard_normal((1, size, size)).astype(np.float32)
    spectrum = refinement.spectra(tf.constant(image)).numpy()[0]
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    for point in (0, 17, len(refinement.points) - 1):  # by the definition, phases counted from the centre
        wave = refinement.points[point].astype(float)
        wanted = np.sum(image[0] * np.exp(-2j * np.pi / size * (wave[0] * x + wave[1] * y)))
        assert abs(spectrum[point] - wanted) < 1e-2

"""Fourier correlation: known subpixel shifts, the half turn, the allowed range."""

import numpy as np
import pytest
import tensorflow as tf

from udl_tf.alignment.translation import FourierCorrelation, parabola_peak, soft_disc

SHIFTS = np.array([[0.0, 0.0], [3.0, -5.0], [2.3, 0.4], [-4.6, 7.7], [10.5, 1.2]])
COUNT = len(SHIFTS)


@pytest.fixture(scope="module")
def correlator():
    return FourierCorrelation(64, reach=16)


def chosen(correlator, fixed, moving, angles, max_shift=16.0):
    angles = tf.constant(np.broadcast_to(angles, (len(moving), np.shape(angles)[-1])), tf.float32)
    found = correlator.choose(tf.constant(fixed), tf.constant(moving), angles, tf.constant(max_shift))
    return [part.numpy() for part in found]


def test_known_shifts(correlator, picture):
    fixed, moving = picture(np.full(COUNT, 25.0), SHIFTS), picture(np.full(COUNT, 25.0), np.zeros((COUNT, 2)))
    angle, shift, value = chosen(correlator, fixed, moving, [0.0])
    np.testing.assert_allclose(angle, 0.0)
    np.testing.assert_allclose(shift, SHIFTS, atol=0.15)
    assert value.min() > 0.8 and abs(value[0] - 1) < 0.01


def test_the_shift_comes_after_the_turn(correlator, picture):
    # moving = picture turned by 10; fixed turned by 70 and moved: the answer is a turn by 60, then that very move.
    fixed, moving = picture(np.full(COUNT, 70.0), SHIFTS), picture(np.full(COUNT, 10.0), np.zeros((COUNT, 2)))
    angle, shift, _ = chosen(correlator, fixed, moving, [60.0])
    np.testing.assert_allclose(angle, 60.0)
    np.testing.assert_allclose(shift, SHIFTS, atol=0.2)


def test_the_half_turn_is_chosen_by_correlation(correlator, picture):
    rng = np.random.default_rng(0)
    truth = rng.uniform(-180, 180, 24)
    moving = picture(np.zeros(24), rng.uniform(-3, 3, (24, 2)))
    fixed = picture(truth, rng.uniform(-3, 3, (24, 2)))
    noisy = [image + rng.normal(0, 0.3, image.shape).astype(np.float32) for image in (fixed, moving)]
    angles = tf.constant(truth % 180.0, tf.float32)[:, None]  # all that a spectrum knows
    angle = correlator.choose(*map(tf.constant, noisy), angles, 16.0)[0].numpy()
    assert angle.min() >= -180 and angle.max() < 180
    np.testing.assert_allclose((angle - truth + 180) % 360 - 180, 0, atol=1e-3)


def test_the_best_of_several_candidates(correlator, picture):
    truth = np.array([50.0, -100.0, 170.0])
    fixed, moving = picture(truth, SHIFTS[:3]), picture(np.zeros(3), np.zeros((3, 2)))
    angle, shift, _ = chosen(correlator, fixed, moving, [170.0, 20.0, 80.0, 50.0])
    np.testing.assert_allclose((angle - truth + 180) % 360 - 180, 0, atol=1e-3)
    np.testing.assert_allclose(shift, SHIFTS[:3], atol=0.2)


@pytest.mark.parametrize("limit", [0.0, 3.0, 7.0])
def test_no_shift_beyond_the_limit(correlator, picture, limit):
    fixed, moving = picture(np.zeros(COUNT), SHIFTS), picture(np.zeros(COUNT), np.zeros((COUNT, 2)))
    _, shift, _ = chosen(correlator, fixed, moving, [0.0], limit)
    length = np.hypot(*shift.T)
    assert length.max() <= limit + 0.71  # whole pixels within the limit, and half a pixel each way by the parabola
    inside = np.hypot(*SHIFTS.T) < limit - 0.5
    np.testing.assert_allclose(shift[inside], SHIFTS[inside], atol=0.2)


def test_correlation_against_numpy(correlator):
    """Of white noise: the weighted correlation over shifts, by a plain sum over frequencies."""
    images = np.random.default_rng(0).normal(size=(2, 64, 64)).astype(np.float32)
    transforms = [correlator.transform(tf.constant(image[None])) for image in images]
    surface = correlator.surface(*transforms).numpy()[..., 0]
    assert surface.shape == (33, 33)
    padded = np.fft.fft2(images * soft_disc(64), (96, 96))
    ky, kx = np.meshgrid(np.fft.fftfreq(96, 1 / 96), np.fft.fftfreq(96, 1 / 96), indexing="ij")
    radius = np.hypot(kx, ky)
    weight = np.exp(-((radius / 96 / 0.07) ** 2) / 2) * (radius <= 15) * (radius > 0)
    ring = np.rint(radius).astype(int)
    white = []
    for spectrum in padded:
        power = np.array([(np.abs(spectrum[ring == r]) ** 2).mean() for r in range(17)])
        white.append(spectrum / np.sqrt(power[np.minimum(ring, 16)]))
    expected = np.fft.ifft2(white[0] * white[1].conj() * weight).real * 96**2 / weight.sum()
    shifts = np.arange(-16, 17)
    # Rings are averaged over the half plane here, and the last one holds the corner beyond it.
    np.testing.assert_allclose(surface, expected[shifts[None, :], shifts[:, None]], atol=0.02)
    assert surface.std() > 0.05


def test_parabola_by_hand():
    # -(x - 0.2)^2 at -1, 0, 1; flat; and a slope, whose top lies beyond.
    found = parabola_peak(*(tf.constant(v) for v in ([-1.44, 1.0, 3.0], [-0.04, 1.0, 2.0], [-0.64, 1.0, 1.0])))
    np.testing.assert_allclose(found, [0.2, 0.0, 0.0], atol=1e-5)
    assert abs(float(parabola_peak(tf.constant(2.0), tf.constant(1.9), tf.constant(1.0))) + 0.5) < 1e-6


def test_soft_disc():
    disc = soft_disc(64, 0.5, 0.03)
    assert disc[0, 0] < 1e-6 and disc[32, 32] > 0.999
    assert abs(disc.sum() - np.pi * 16**2) < 0.03 * np.pi * 16**2

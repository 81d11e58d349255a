import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.spectra import ctf

# (row, column) of the transform: value, see test_astigmatism_and_phase_plate_as_relion_has_them
RELION = {(0, 0): 0.69483, (0, 20): -0.31706, (20, 0): 0.04957, (15, 15): 0.46210, (-15, 15): 0.10973, (-7, 40): 0.94872}


@pytest.mark.parametrize("voltage, wavelength", [(300, 0.019687), (200, 0.025079), (100, 0.037014)])
def test_wavelength(voltage, wavelength):
    assert ctf.electron_wavelength(voltage) == pytest.approx(wavelength, abs=1e-6)


def test_low_frequencies_are_positive_and_rest_is_the_amplitude_contrast():
    values = ctf.ctf(64, 2.0, [10000.0, 20000.0], amplitude_contrast=0.1).numpy()
    assert values.shape == (2, 64, 33)
    np.testing.assert_allclose(values[:, 0, 0], 0.1, rtol=1e-5)
    assert (values[:, 0, 1:4] > 0.1).all()


def test_zeros_without_aberration():
    # Without Cs and amplitude contrast the n-th zero lies at k^2 = n / (lambda dz). At 1 A a pixel and dz = 256^2 / (16^2
    # lambda) A the first one is pixel 16 of 256, the fourth pixel 32.
    defocus = 256.0 / ctf.electron_wavelength(300.0)
    row = ctf.ctf(256, 1.0, [defocus], cs=0.0, amplitude_contrast=0.0).numpy()[0, 0]
    np.testing.assert_allclose(row[[16, 32]], 0.0, atol=1e-4)
    assert row[12] > 0.5 and row[19] < -0.5
    assert row[8] == pytest.approx(np.sin(np.pi / 4), abs=1e-4)


def test_value_with_aberration_by_hand():
    # 300 kV, Cs 2.7 mm, Q 0.1, 15000 A, k = 16 / (128 * 2.2) = 0.0568182 1/A:
    # pi * 0.0196875 * 15000 * 0.00322831 = 2.99502; pi/2 * 2.7e7 * 7.63064e-6 * 1.04220e-5 = 0.0033728; asin 0.1 = 0.100167
    values = ctf.ctf(128, 2.2, [15000.0]).numpy()[0]
    assert values[0, 16] == pytest.approx(np.sin(2.99502 - 0.0033728 + 0.100167), abs=2e-4)
    # Overfocus as strong leaves the aberration's sign alone: sin(-2.99502 - 0.0033728 + 0.100167)
    over = ctf.ctf(128, 2.2, [-15000.0]).numpy()[0]
    assert over[0, 16] == pytest.approx(np.sin(-2.99502 - 0.0033728 + 0.100167), abs=2e-4)


def test_astigmatism_has_its_defoci_along_its_axes():
    u, v = [12000.0], [18000.0]
    astigmatic = ctf.ctf(64, 2.0, u, v, angle=[0.0]).numpy()[0]
    only_u, only_v = ctf.ctf(64, 2.0, u).numpy()[0], ctf.ctf(64, 2.0, v).numpy()[0]
    np.testing.assert_allclose(astigmatic[0], only_u[0], atol=1e-4)  # along x
    np.testing.assert_allclose(astigmatic[:, 0], only_v[:, 0], atol=1e-4)  # along y
    turned = ctf.ctf(64, 2.0, u, v, angle=[45.0]).numpy()[0]
    diagonal = np.arange(1, 20)
    np.testing.assert_allclose(turned[diagonal, diagonal], only_u[diagonal, diagonal], atol=1e-4)  # x = y, down right
    np.testing.assert_allclose(turned[-diagonal, diagonal], only_v[-diagonal, diagonal], atol=1e-4)


def test_apply_multiplies_a_wave_and_phase_flip_restores_its_sign():
    x = np.arange(64)
    wave = np.cos(2 * np.pi * 9 * x / 64)[None, None, :].astype(np.float32).repeat(64, 1)
    values = ctf.ctf(64, 2.0, [15000.0])
    factor = values.numpy()[0, 0, 9]  # between the first zero, 7.4, and the second, 10.5
    assert factor < -0.1
    seen = ctf.apply_ctf(wave, values)
    np.testing.assert_allclose(seen, factor * wave, atol=1e-5)
    np.testing.assert_allclose(ctf.phase_flip(seen, values), -factor * wave, atol=1e-5)


def test_a_larger_box_keeps_the_far_border_dark():
    image = np.zeros((1, 64, 64), np.float32)
    image[0, 32, 2] = 1.0  # by the left border: delocalised to the left, it comes back in on the right
    wrapped = ctf.apply_ctf(image, ctf.ctf(64, 2.0, [20000.0])).numpy()
    padded = ctf.apply_ctf(image, ctf.ctf(192, 2.0, [20000.0])).numpy()
    assert padded.shape == image.shape
    assert np.abs(padded[0, :, 40:]).max() < 0.5 * np.abs(wrapped[0, :, 40:]).max()
    direct = np.abs(tf.signal.irfft2d(tf.cast(ctf.ctf(192, 2.0, [20000.0]), tf.complex64)).numpy()[0, 0, :20])
    np.testing.assert_allclose(np.abs(padded[0, 32, 2:22]), direct, atol=1e-5)


def test_refuses_impossible_microscopes():
    with pytest.raises(InputError, match="above 0 kV, got 0"):
        ctf.ctf(64, 2.0, [1e4], voltage=0)
    with pytest.raises(InputError, match="amplitude contrast"):
        ctf.ctf(64, 2.0, [1e4], amplitude_contrast=7.0)


def test_astigmatism_and_phase_plate_as_relion_has_them():
    # relion_ctf_toolbox --simulate --angpix 1.3 --box 128 --kV 200 --Q0 0.07 --Cs 2 --defU 15000 --defV 9000 --defAng 30
    # --phase_shift 40, of RELION 3.1.3
    values = ctf.ctf(128, 1.3, [15000.0], [9000.0], 30.0, 200.0, 2.0, 0.07, phase_shift=40.0).numpy()[0]
    for (y, x), value in RELION.items():
        assert values[y, x] == pytest.approx(value, abs=1e-3)


def test_each_particle_has_its_own_microscope():
    u, v, angle = np.array([9000.0, 15000.0]), np.array([8000.0, 14000.0]), np.array([10.0, -70.0])
    rest = {"voltage": [200.0, 300.0], "cs": [2.0, 2.7], "amplitude_contrast": [0.07, 0.1], "phase_shift": [0.0, 90.0]}
    sizes = np.array([1.2, 2.0])
    both = ctf.ctf(32, sizes, u, v, angle, **{name: np.array(values) for name, values in rest.items()}).numpy()
    for row in (0, 1):
        one = {name: values[row] for name, values in rest.items()}
        single = ctf.ctf(32, sizes[row], u[row : row + 1], v[row : row + 1], angle[row], **one).numpy()
        np.testing.assert_allclose(both[row], single[0], atol=1e-6)
    assert np.abs(both[0] - both[1]).max() > 0.5
    tensors = {name: tf.constant(values, tf.float32) for name, values in rest.items()}
    traced = tf.function(lambda sizes, u, v, angle, rest: ctf.ctf(32, sizes, u, v, angle, **rest))
    inside = traced(*(tf.constant(values, tf.float32) for values in (sizes, u, v, angle)), tensors).numpy()
    np.testing.assert_allclose(inside, both, atol=1e-4)


def test_a_bad_one_among_many_is_refused():
    with pytest.raises(InputError, match="voltage above 0 kV, got -1"):
        ctf.ctf(64, 2.0, [1e4, 1e4], voltage=[300.0, -1.0])
    with pytest.raises(InputError, match="pixel size above 0 A, got nan"):
        ctf.ctf(64, tf.constant([2.0, np.nan]), [1e4, 1e4])

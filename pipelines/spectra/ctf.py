"""Contrast transfer function (CTF) of the electron microscope, and its use on images.

    value(k) = sin(pi lambda dz(angle) k^2 - pi/2 Cs lambda^3 k^4 + asin(Q) + phi)

with k in 1/A, underfocus dz positive in A, amplitude contrast Q, and the shift phi of a phase plate. The sign is such that
low frequencies are positive and protein, white without CTF, stays white.
"""

import numpy as np
import tensorflow as tf

from pipelines.errors import InputError


def electron_wavelength(voltage):
    """Relativistic wavelength in A of electrons at `voltage` kV (a number, an array or a tensor): 0.019687 A at 300 kV."""
    volts = voltage * 1e3 if tf.is_tensor(voltage) else np.asarray(voltage, np.float64) * 1e3
    return 12.26426 / (volts * (1.0 + 0.978466e-6 * volts)) ** 0.5


def ctf(box, pixel_size, defocus_u, defocus_v=None, angle=0.0, voltage=300.0, cs=2.7, amplitude_contrast=0.1, phase_shift=0.0):
    """CTF images in the layout of `tf.signal.rfft2d`.

    All arguments but `box` are numbers, arrays or tensors, scalar or (batch,), also inside a tf.function.

    Args:
        box: height and width in pixels.
        pixel_size: A.
        defocus_u, defocus_v: (batch,) A, positive is underfocus; without `defocus_v` there is no astigmatism.
        angle: degrees from +x to +y (down) to the direction of `defocus_u`, as rlnDefocusAngle.
        voltage: kV. cs: spherical aberration, mm. amplitude_contrast: Q, in [0, 1].
        phase_shift: degrees, of a phase plate, as rlnPhaseShift.

    Returns:
        float32 (batch, box, box // 2 + 1).

    Raises:
        InputError: voltage, pixel size or amplitude contrast out of range (looked at where the values are known as it is
            called, not inside a tf.function).
    """
    _expect(voltage, lambda value: value > 0, "a voltage above 0 kV")
    _expect(pixel_size, lambda value: value > 0, "a pixel size above 0 A")
    _expect(amplitude_contrast, lambda value: (value >= 0) & (value <= 1), "an amplitude contrast in [0, 1]")
    y = np.fft.fftfreq(box)[:, None]
    x = np.fft.rfftfreq(box)[None, :]
    r2 = (x**2 + y**2).astype(np.float32)  # (box, box // 2 + 1) 1/pixel^2
    direction = np.arctan2(y, x).astype(np.float32)

    # Numbers a particle: float64, so that nothing is lost before the phase itself.
    u = _column(defocus_u)  # (batch, 1, 1)
    v = u if defocus_v is None else _column(defocus_v)
    wavelength, per_area = electron_wavelength(_column(voltage)), _column(pixel_size) ** -2.0
    mean = 0.5 * np.pi * wavelength * per_area * (u + v)
    difference = 0.5 * np.pi * wavelength * per_area * (u - v)
    aberration = 0.5 * np.pi * 1e7 * _column(cs) * wavelength**3 * per_area**2
    rest = tf.asin(_column(amplitude_contrast)) + _column(phase_shift) * (np.pi / 180.0)

    mean, difference, aberration, rest = (tf.cast(value, tf.float32) for value in (mean, difference, aberration, rest))
    axis = tf.cast(_column(angle) * (np.pi / 180.0), tf.float32)
    astigmatism = difference * tf.cos(2.0 * (direction - axis))  # (batch, box, box // 2 + 1)
    return tf.sin((mean + astigmatism) * r2 - aberration * r2**2 + rest)


def _column(values):
    """Numbers, scalar or (batch,), as float64 (batch or 1, 1, 1)."""
    values = tf.cast(values, tf.float64) if tf.is_tensor(values) else tf.constant(np.asarray(values, np.float64))
    return tf.reshape(values, (-1, 1, 1))


def _expect(values, right, expected):
    known = tf.get_static_value(values) if tf.is_tensor(values) else np.asarray(values)
    if known is not None and not np.all(right(known)):
        raise InputError(f"CTF: expected {expected}, got {np.ravel(known)[~np.ravel(right(known))][0]}")


def apply_ctf(images, ctf_images):
    """Multiply the transforms of images by CTF images (or any real filter in that layout).

    Args:
        images: float32 (batch, height, width).
        ctf_images: float32 (batch or 1, box, box // 2 + 1). A box larger than the images pads them with zeros first, so that
            what the CTF carries over one border does not come back in over the other.

    Returns:
        float32 (batch, height, width).
    """
    box = ctf_images.shape[1]
    height, width = images.shape[1:]
    spectrum = tf.signal.rfft2d(images, fft_length=[box, box]) * tf.cast(ctf_images, tf.complex64)
    return tf.signal.irfft2d(spectrum, fft_length=[box, box])[:, :height, :width]


def phase_flip(images, ctf_images):
    """Correct the signs of the CTF in images; arguments and result as `apply_ctf`."""
    return apply_ctf(images, tf.where(ctf_images < 0.0, -1.0, 1.0))

"""Contrast transfer function (CTF) of the electron microscope, and its use on images.

    value(k) = sin(pi lambda dz(angle) k^2 - pi/2 Cs lambda^3 k^4 + asin(Q))

with k in 1/A, underfocus dz positive in A, and amplitude contrast Q. The sign is such that low frequencies are positive and
protein, white without CTF, stays white.
"""

import numpy as np
import tensorflow as tf

from pipelines.errors import InputError


def electron_wavelength(voltage):
    """Relativistic wavelength in A of electrons at `voltage` kV: 0.019687 A at 300 kV."""
    volts = np.asarray(voltage, np.float64) * 1e3
    return 12.26426 / np.sqrt(volts * (1.0 + 0.978466e-6 * volts))


def ctf(box, pixel_size, defocus_u, defocus_v=None, angle=0.0, voltage=300.0, cs=2.7, amplitude_contrast=0.1):
    """CTF images in the layout of `tf.signal.rfft2d`.

    Args:
        box: height and width in pixels.
        pixel_size: A.
        defocus_u, defocus_v: (batch,) A, positive is underfocus; without `defocus_v` there is no astigmatism.
        angle: (batch,) or scalar, degrees from +x to +y (down) to the direction of `defocus_u`, as rlnDefocusAngle.
        voltage: kV. cs: spherical aberration, mm. amplitude_contrast: Q, in [0, 1].

    Returns:
        float32 (batch, box, box // 2 + 1).

    Raises:
        InputError: voltage, pixel size or amplitude contrast out of range.
    """
    if not voltage > 0 or not pixel_size > 0:
        raise InputError(f"CTF: expected a voltage and a pixel size above 0, got {voltage} kV and {pixel_size} A")
    if not 0 <= amplitude_contrast <= 1:
        raise InputError(f"CTF: expected an amplitude contrast in [0, 1], got {amplitude_contrast}")
    wavelength = float(electron_wavelength(voltage))
    y = np.fft.fftfreq(box, pixel_size)[:, None]
    x = np.fft.rfftfreq(box, pixel_size)[None, :]
    k2 = x**2 + y**2  # (box, box // 2 + 1) 1/A^2
    direction = np.arctan2(y, x)

    u = tf.convert_to_tensor(defocus_u, tf.float32)[:, None, None]
    v = u if defocus_v is None else tf.convert_to_tensor(defocus_v, tf.float32)[:, None, None]
    axis = tf.reshape(tf.convert_to_tensor(angle, tf.float32) * (np.pi / 180.0), (-1, 1, 1))
    defocus = 0.5 * (u + v + (u - v) * tf.cos(2.0 * (direction.astype(np.float32) - axis)))  # (batch, box, box//2+1)
    aberration = 0.5 * np.pi * (cs * 1e7) * wavelength**3 * k2**2
    rest = (np.arcsin(amplitude_contrast) - aberration).astype(np.float32)
    return tf.sin(defocus * (np.pi * wavelength * k2).astype(np.float32) + rest)


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

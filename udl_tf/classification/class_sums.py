"""Averages of the classes at full resolution, from sums that chunks add to, in two halves of each class."""

import numpy as np

from pipelines import geometry
from pipelines.geometry.warp import warp
from udl_tf.particles.measures import crossing, ring_correlation, spectral_snr
from udl_tf.particles.rings import Rings


def class_sums(images, ctf, label, psi, offset, half, count):
    """What particles add to the averages.

    Args:
        images: (n, box, box). ctf: (n, box // 2 + 1), or None. label: (n,), -1 for none. psi: degrees. offset: (n, 2) pixels.
            half: (n,) 0 or 1. count: classes.

    Returns:
        numerator (2, count, box, box), denominator (2, count, box // 2 + 1).
    """
    box = images.shape[1]
    if ctf is not None:
        rings = Rings(box)
        gain = np.take_along_axis(ctf, np.minimum(rings.ring, rings.count - 1).reshape(1, -1), 1).reshape(-1, *rings.ring.shape)
        images = np.fft.irfft2(np.fft.rfft2(images) * gain, (box, box)).astype(np.float32)
    angle, shift = geometry.rigid_from_relion(psi, offset, box)
    aligned = np.asarray(warp(images, np.asarray(angle, np.float32), np.asarray(shift, np.float32)))
    numerator = np.zeros((2, count, box, box), np.float32)
    denominator = np.zeros((2, count, box // 2 + 1))
    power = np.ones((len(images), box // 2 + 1)) if ctf is None else np.square(ctf)
    rows = np.flatnonzero(label >= 0)
    place = half[rows], label[rows]
    np.add.at(numerator, place, aligned[rows])
    np.add.at(denominator, place, power[rows])
    return numerator, denominator


def averages_of(numerator, denominator, mask, pixel_size):
    """Averages, Wiener filtered by their halves' ring correlation, and where that falls below 0.143.

    Args:
        numerator, denominator: as from `class_sums`. mask: (box, box). pixel_size: Angstrom, or None.

    Returns:
        (k, box, box); (k,) Angstrom or pixels, infinity where nothing is resolved; curves (k, rings).
    """
    box, rings = numerator.shape[-1], Rings(numerator.shape[-1])

    def plain(numerator, denominator):
        gain = rings.spread(denominator + 1e-3 * denominator.max(-1, keepdims=True) + 1e-6)
        spectra = np.fft.rfft2(numerator) * rings.inside / np.where(rings.inside, gain * rings.fade, 1.0)
        return np.fft.irfft2(spectra, (box, box))

    curves = ring_correlation(*plain(numerator, denominator), mask)
    filtered = np.fft.rfft2(plain(numerator.sum(0), denominator.sum(0)))
    snr = spectral_snr(curves)
    filtered = np.fft.irfft2(filtered * rings.spread(snr / (1 + snr)), (box, box))
    return filtered, np.array([crossing(curve, 0.143, box, pixel_size) for curve in curves]), curves

"""The turn from the amplitude spectra, which no shift changes, then the shift: by scikit-image's parts.

The amplitude spectrum of an image is the same after half a turn: both halves are tried, the better correlation wins.
"""

import numpy as np
from skimage.filters import window
from skimage.registration import phase_cross_correlation
from skimage.transform import warp_polar

from pipelines.geometry import pixel_matrix
from udl_tf.rivals import pairwise

ANGLES = 720  # rows of the polar spectrum, over the full circle
UPSAMPLED = 20  # phase_cross_correlation's fraction of a row or pixel


def answer(problem, inputs):
    """See `registry.Rival`."""
    taper = window("hann", (problem.side, problem.side))

    def align_pair(fixed, moving):
        polar = [_polar_spectrum(image * taper) for image in (fixed, moving)]
        rows = phase_cross_correlation(*polar, upsample_factor=UPSAMPLED, normalization=None)[0][0]
        angle = -rows * (360.0 / ANGLES)  # its polar angles run clockwise
        return pairwise.best(fixed, moving, [_shifted(angle + half, fixed, moving) for half in (0.0, 180.0)])

    return pairwise.each(align_pair, inputs["fixed"], inputs["moving"])


def _polar_spectrum(image):
    """Root of the amplitude spectrum over half a circle of angles, (ANGLES / 2, side / 2), each radius of mean 0."""
    amplitude = np.sqrt(np.abs(np.fft.fftshift(np.fft.fft2(image))))
    centre = [side // 2 for side in image.shape]
    polar = warp_polar(amplitude, center=centre, radius=centre[0], output_shape=(ANGLES, centre[0]), order=1)[: ANGLES // 2]
    return polar - polar.mean(0)


def _shifted(angle, fixed, moving):
    """The matrix (2, 3) of an angle with the shift found after it."""
    turned, _ = pairwise.warped(moving, pixel_matrix.from_rigid(angle, np.zeros(2), len(fixed)))
    shift = phase_cross_correlation(fixed, turned, upsample_factor=UPSAMPLED, normalization=None)[0]
    return pixel_matrix.from_rigid(angle, shift[::-1], len(fixed))

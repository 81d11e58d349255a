"""OpenCV's findTransformECC (Evangelidis and Psarakis) from 36 starts.

Its update loses the angle beyond 90 degrees, so that the moving image is turned first: by quarter turns, which cost no
interpolation. From each of four it starts at nine angles, with the shift of the highest cross-correlation there, at half
the resolution; the three best are finished at full resolution.
"""

import cv2
import numpy as np

from pipelines.geometry import pixel_matrix
from udl_tf.rivals import pairwise

STARTS = np.arange(-40.0, 41.0, 10.0)  # degrees, in each of four quarters
REACH = 32  # pixels, largest shift each way to start from
COARSE_STEPS, FINE_STEPS = 30, 60
FINISHED = 3  # starts that go on at full resolution
TINY = 1e-6  # change of the correlation coefficient below which it stops


def answer(problem, inputs):
    """See `registry.Rival`."""
    return pairwise.each(_align_pair, inputs["fixed"], inputs["moving"])


def _align_pair(fixed, moving):
    side = len(fixed)
    small, found = _halved(fixed), []
    for quarter in range(4):
        turned = np.ascontiguousarray(np.rot90(moving, quarter))  # counter-clockwise as displayed
        small_turned = _halved(turned)
        for angle in STARTS:
            start = pixel_matrix.from_rigid(angle, np.zeros(2), side // 2)
            shift, _ = pairwise.best_shift(small, pairwise.warped(small_turned, start, cv2.INTER_LINEAR)[0], REACH // 2)
            start = pixel_matrix.from_rigid(angle, shift, side // 2)
            value, matrix = _ecc(small, small_turned, start, COARSE_STEPS)
            found.append((value, quarter, turned, *pixel_matrix.to_rigid(matrix, side // 2)))
    found.sort(key=lambda one: -one[0])
    finished = []
    for _, quarter, turned, angle, shift in found[:FINISHED]:
        value, matrix = _ecc(fixed, turned, pixel_matrix.from_rigid(angle, 2.0 * shift, side), FINE_STEPS)
        angle, shift = pixel_matrix.to_rigid(matrix, side)
        finished.append((value, angle + 90.0 * quarter, shift))
    _, angle, shift = max(finished, key=lambda one: one[0])
    return pixel_matrix.from_rigid(angle, shift, side)


def _ecc(fixed, moving, start, steps):
    """Correlation coefficient and matrix at the end; -1 and the start where it diverged."""
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, steps, TINY)
    try:
        return cv2.findTransformECC(fixed, moving, start.astype(np.float32), cv2.MOTION_EUCLIDEAN, criteria, None, 1)
    except cv2.error:
        return -1.0, start


def _halved(image):
    return cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)

"""OpenCV's findTransformECC (Evangelidis and Psarakis) for affine transforms and homographies, up a pyramid from the identity."""

import cv2
import numpy as np

from pipelines.geometry import frames
from pipelines.geometry.transforms import Affine, Homography

COARSEST = 48  # pixels, least side of the smallest images that are looked at
STEPS, TINY = 60, 1e-6  # on each level at most; change of the correlation coefficient below which it stops
BLUR = 3  # pixels, OpenCV's filter on each level: it widens the basin
KINDS = {"affine": (cv2.MOTION_AFFINE, Affine), "homography": (cv2.MOTION_HOMOGRAPHY, Homography)}


def answer(problem, inputs):
    """See `registry.Rival`; where ``known``, bool (n, height, width), is among the inputs, moving counts only there."""
    motion, kind = KINDS[problem.kind]
    known = inputs.get("known", np.ones(inputs["moving"].shape, bool))
    found = [_align_pair(*pair, motion) for pair in zip(inputs["fixed"], inputs["moving"], known, strict=True)]
    return kind(np.stack(found))


def _align_pair(fixed, moving, known, motion):
    """The matrix (3, 3) on points from the centres that brings moving onto fixed; the identity where it diverges."""
    pyramid = [tuple(np.float32(image) for image in (fixed, moving, known))]
    while min(pyramid[-1][0].shape + pyramid[-1][1].shape) >= 2 * COARSEST:
        pyramid.append(tuple(cv2.pyrDown(image) for image in pyramid[-1]))  # takes every second pixel: places are halved
    pull, halved = np.eye(3), np.diag([0.5, 0.5, 1.0])
    for level, pair in enumerate(reversed(pyramid)):
        if level:
            pull = np.linalg.inv(halved) @ pull @ halved
        pull = _ecc(*pair, pull, motion)
    to_corner = [np.eye(3), np.eye(3)]  # from places about the centre to pixels
    for matrix, image in zip(to_corner, (fixed, moving), strict=True):
        matrix[:2, 2] = frames.centre(image.shape)
    push = np.linalg.inv(np.linalg.inv(to_corner[1]) @ pull @ to_corner[0])
    return push / push[2, 2]


def _ecc(fixed, moving, known, start, motion):
    """A better map (3, 3) from pixels of fixed to those of moving, or the start where there is none."""
    rows = 3 if motion == cv2.MOTION_HOMOGRAPHY else 2
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, STEPS, TINY)
    mask = np.uint8(known > 0.999)
    try:
        _, found = cv2.findTransformECC(fixed, moving, np.float32(start[:rows] / start[2, 2]), motion, criteria, mask, BLUR)
    except cv2.error:
        return start
    found = np.concatenate([found, np.eye(3)[rows:]])
    return found if np.isfinite(found).all() and abs(np.linalg.det(found)) > 1e-6 else start

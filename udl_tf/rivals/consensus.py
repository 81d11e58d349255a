"""The transform that most of some matched places agree on: OpenCV's RANSAC, LMEDS or USAC (MAGSAC++), for three kinds.

USAC is what OpenCV recommends now. It has no rigid model: there an affine one finds the inliers.
"""

import collections

import cv2
import numpy as np

from pipelines.errors import InputError
from pipelines.geometry import pixel_matrix, wrap_degrees
from pipelines.geometry.transforms import Affine, Homography, Rigid

REPROJECTION = 3.0  # pixels, of the inliers
ITERATIONS, CONFIDENCE = 5000, 0.999
ESTIMATORS = {"ransac": cv2.RANSAC, "lmeds": cv2.LMEDS, "usac": cv2.USAC_MAGSAC}
MIN_SCALE = 0.01  # RANSAC may shrink everything to a point where features repeat


class Matched(collections.namedtuple("Matched", "transform fixed moving inliers")):
    """What was matched in n pairs, and what follows from it.

    `transform`: `Rigid` of n rows. `fixed`, `moving`: lists of n arrays (m, 2), matched places, pixels from the first one's
    centre. `inliers`: list of n arrays bool (m,).
    """

    @classmethod
    def of(cls, places, side, estimator="ransac"):
        """Of n pairs (places in fixed, places in moving) in images of `side` pixels; nothing moves where too few agree."""
        found = [rigid(*pair, estimator) for pair in places]
        poses = [(0.0, np.zeros(2)) if matrix is None else pixel_matrix.to_rigid(matrix, side) for matrix, _ in found]
        transform = Rigid(wrap_degrees(np.array([pose[0] for pose in poses])), np.array([pose[1] for pose in poses]))
        fixed, moving = ([pair[part] for pair in places] for part in (0, 1))
        return cls(transform, fixed, moving, [inliers for _, inliers in found])


def homographies(places, shape, estimator="ransac"):
    """The `Homography` of n pairs (places in fixed, places in moving); the identity where too few agree."""
    found = [homography(*pair, shape, estimator)[0] for pair in places]
    return Homography(np.stack([np.eye(3) if matrix is None else matrix for matrix in found]).astype(np.float32))


def affines(places, shape, estimator="ransac"):
    """The `Affine` of n pairs (places in fixed, places in moving); the identity where too few agree."""
    found = [affine(*pair, shape, estimator)[0] for pair in places]
    return Affine(np.stack([np.eye(3) if matrix is None else matrix for matrix in found]).astype(np.float32))


def rigid(from_points, to_points, estimator="ransac"):
    """The rigid matrix that most places agree on.

    Args:
        from_points, to_points: (n, 2) pixels, in fixed and in moving. estimator: a key of `ESTIMATORS`.

    Returns:
        (2, 3) from places in fixed to those in moving, None where there is none; and the inliers, bool (n,).
    """
    nobody = np.zeros(len(from_points), bool)
    usac = checked(estimator) == "usac"
    if len(from_points) < (3 if usac else 2):
        return None, nobody
    estimate = cv2.estimateAffine2D if usac else cv2.estimateAffinePartial2D
    matrix, inliers = _robust(estimate, from_points, to_points, estimator)
    if matrix is None or not np.isfinite(matrix).all() or np.linalg.det(matrix[:, :2]) < MIN_SCALE**2:
        return None, nobody
    inliers = inliers.ravel().astype(bool)
    if not inliers.any():
        return None, nobody
    # The rotation of the similarity, with the shift that then fits the inliers best.
    middles = from_points[inliers].mean(0), to_points[inliers].mean(0)
    if usac:
        rotation = _turn(from_points[inliers] - middles[0], to_points[inliers] - middles[1])
    else:
        rotation = matrix[:, :2] / np.sqrt(np.linalg.det(matrix[:, :2]))
    return np.column_stack([rotation, middles[1] - rotation @ middles[0]]), inliers


def homography(from_points, to_points, shape, estimator="ransac"):
    """The homography (3, 3) on points from the centre that brings moving onto fixed, or None, and the inliers bool (n,).

    Args:
        from_points, to_points: (n, 2) pixels, in fixed and in moving. shape: of the images. estimator: a key of `ESTIMATORS`.
    """
    return _of_plane(cv2.findHomography, 4, from_points, to_points, shape, estimator)


def affine(from_points, to_points, shape, estimator="ransac"):
    """As `homography`, with a last row 0, 0, 1."""

    def estimate(source, target, ransacReprojThreshold, maxIters, confidence, method):  # noqa: N803, OpenCV's names
        found = cv2.estimateAffine2D(source, target, None, method, ransacReprojThreshold, maxIters, confidence)
        return (None, None) if found[0] is None else (np.concatenate([found[0], [[0.0, 0.0, 1.0]]]), found[1])

    return _of_plane(estimate, 3, from_points, to_points, shape, estimator)


def _of_plane(estimate, least, from_points, to_points, shape, estimator):
    """What `estimate` says of at least so many places, unless it would turn the frame inside out."""
    nobody = np.zeros(len(from_points), bool)
    checked(estimator)
    if len(from_points) < least:
        return None, nobody
    centre = (np.float32(shape[::-1]) - 1.0) / 2.0
    matrix, inliers = _robust(estimate, to_points - centre, from_points - centre, estimator)
    if matrix is None or not np.isfinite(matrix).all() or not keeps_the_frame(matrix, *centre):
        return None, nobody
    return matrix / matrix[2, 2], inliers.ravel().astype(bool)


def keeps_the_frame(matrix, x, y):
    """Whether a homography keeps the sides of a frame of half-sides x, y in order and its corners in front of the horizon."""
    corners = np.float64([[-x, -y, 1.0], [x, -y, 1.0], [x, y, 1.0], [-x, y, 1.0]]) @ (matrix / matrix[2, 2]).T
    return bool((corners[:, 2] > MIN_SCALE).all() and np.linalg.det(matrix / matrix[2, 2]) > MIN_SCALE**2)


def checked(estimator):
    """A key of `ESTIMATORS`.

    Raises:
        InputError: another name.
    """
    if estimator not in ESTIMATORS:
        raise InputError(f"consensus: received {estimator!r}, expected one of {', '.join(ESTIMATORS)}")
    return estimator


def _robust(estimate, source, target, estimator):
    """OpenCV's answer, the same one for the same places; nothing where it gives up."""
    cv2.setRNGSeed(0)
    options = {"ransacReprojThreshold": REPROJECTION, "maxIters": ITERATIONS, "confidence": CONFIDENCE}
    try:
        matrix, inliers = estimate(source, target, method=ESTIMATORS[estimator], **options)
    except cv2.error:
        return None, None
    return (None, None) if inliers is None else (matrix, inliers)


def _turn(source, target):
    """The rotation (2, 2) that brings places (n, 2) about their middle closest to others, by least squares (Procrustes)."""
    left, _, right = np.linalg.svd(target.T.astype(np.float64) @ source)
    return left @ np.diag([1.0, np.linalg.det(left @ right)]) @ right

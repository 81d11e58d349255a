"""OpenCV's keypoints: SIFT, ORB or AKAZE, nearest neighbours with the ratio test, RANSAC, least squares on the inliers."""

import cv2
import numpy as np

from pipelines.errors import InputError
from pipelines.geometry.transforms import Homography
from udl_tf.rivals import pairwise

RATIO = 0.9  # nearest to second nearest descriptor; images of 128 pixels have few keypoints, RANSAC sorts them out
REPROJECTION = 3.0  # pixels, of RANSAC's inliers
RANSAC = {"method": cv2.RANSAC, "ransacReprojThreshold": REPROJECTION, "maxIters": 5000, "confidence": 0.999}
MIN_SCALE = 0.01  # RANSAC may shrink everything to a point where features repeat
CLIPPED = 0.2  # percent of the grey values at either end, before the other ones fill 8 bits
AGREED, OUTVOTED = (80, 220, 80), (90, 90, 235)  # colours of matches in a picture, blue green red

# How a detector is made, and the distance between its descriptors.
METHODS = {
    "sift": (lambda: cv2.SIFT_create(contrastThreshold=0.01, edgeThreshold=20, enable_precise_upscale=True), cv2.NORM_L2),
    "orb": (
        lambda: cv2.ORB_create(nfeatures=1000, scaleFactor=1.2, nlevels=6, edgeThreshold=16, patchSize=31, fastThreshold=4),
        cv2.NORM_HAMMING,
    ),
    "akaze": (lambda: cv2.AKAZE_create(threshold=1e-4), cv2.NORM_HAMMING),
}


def answer(problem, inputs, method):
    """See `registry.Rival`; method: a key of `METHODS`."""
    find = homographies if problem.kind == "homography" else align
    return find(inputs["fixed"], inputs["moving"], method)


def align(fixed, moving, method="sift"):
    """Rigid transforms that bring moving onto fixed.

    Args:
        fixed, moving: float32 (n, side, side), any grey values. method: a key of `METHODS`.

    Returns:
        `Rigid`, its angles in [-180, 180); zeros for a pair with too few matches.

    Raises:
        InputError: unknown method.
    """
    matcher = _Matcher(method)
    return pairwise.each(lambda *pair: _similarity(*matcher(*pair))[0], fixed, moving)


def homographies(fixed, moving, method="sift"):
    """The `Homography` that brings moving onto fixed; arguments as of `align`.

    The identity for a pair with too few matches, or whose matches would turn the frame inside out.
    """
    matcher, found = _Matcher(method), np.tile(np.eye(3, dtype=np.float32), (len(fixed), 1, 1))
    for i, pair in enumerate(zip(fixed, moving, strict=True)):
        matrix, _ = _homography(*matcher(*pair)[:2], pair[0].shape)
        if matrix is not None:
            found[i] = matrix
    return Homography(found)


def match_picture(fixed, moving, method="sift", kind="rigid", zoom=1):
    """The pair side by side, joined by its matches: green where RANSAC's transform agrees, red where not.

    Args:
        fixed, moving: (height, width), any grey values. method: a key of `METHODS`. kind: ``rigid`` or ``homography``.
        zoom: whole number, pixels of the picture for one of an image, so that lines are thin beside small images.

    Returns:
        uint8 (zoom height, zoom 2 width, 3), blue, green, red as OpenCV writes them.

    Raises:
        InputError: unknown method or kind.
    """
    if kind not in KINDS:
        raise InputError(f"match picture: received {kind!r}, expected one of {', '.join(KINDS)}")
    matcher = _Matcher(method)
    from_points, to_points, points, other, good = matcher(fixed, moving)
    _, inliers = KINDS[kind](from_points, to_points, fixed.shape)
    grey = [np.kron(_grey(image), np.ones((zoom, zoom), np.uint8)) for image in (fixed, moving)]
    for point in (*points, *other):
        point.pt = tuple((place + 0.5) * zoom - 0.5 for place in point.pt)
    picture = np.repeat(np.concatenate(grey, 1)[..., None], 3, 2)
    for colour, chosen in ((OUTVOTED, ~inliers), (AGREED, inliers)):
        cv2.drawMatches(
            grey[0],
            points,
            grey[1],
            other,
            good,
            picture,
            matchColor=colour,
            matchesMask=chosen.astype(np.uint8).tolist(),
            flags=cv2.DRAW_MATCHES_FLAGS_DRAW_OVER_OUTIMG | cv2.DRAW_MATCHES_FLAGS_NOT_DRAW_SINGLE_POINTS,
        )
    return picture


class _Matcher:
    """Matches of a pair that pass the ratio test: places in fixed and in moving, both keypoint lists, the matches."""

    def __init__(self, method):
        if method not in METHODS:
            raise InputError(f"keypoints: received {method!r}, expected one of {', '.join(METHODS)}")
        make, norm = METHODS[method]
        self.detector, self.matcher = make(), cv2.BFMatcher(norm)

    def __call__(self, fixed, moving):
        (points, features), (other, other_features) = (
            self.detector.detectAndCompute(_grey(image), None) for image in (fixed, moving)
        )
        good = []
        if features is not None and other_features is not None and len(features) > 1 and len(other_features) > 1:
            matches = self.matcher.knnMatch(features, other_features, k=2)
            good = [first for first, second in matches if first.distance < RATIO * second.distance]
        from_points = np.float32([points[match.queryIdx].pt for match in good]).reshape(-1, 2)
        to_points = np.float32([other[match.trainIdx].pt for match in good]).reshape(-1, 2)
        return from_points, to_points, points, other, good


def _similarity(from_points, to_points, *_):
    """The rigid matrix (2, 3) from places in fixed to those in moving, None where there is none, and the inliers bool (n,)."""
    nobody = np.zeros(len(from_points), bool)
    if len(from_points) < 2:
        return None, nobody
    cv2.setRNGSeed(0)  # RANSAC: the same pair, the same answer
    matrix, inliers = cv2.estimateAffinePartial2D(from_points, to_points, **RANSAC)
    if matrix is None or not np.isfinite(matrix).all() or np.linalg.det(matrix[:, :2]) < MIN_SCALE**2:
        return None, nobody
    inliers = inliers.ravel().astype(bool)
    # The rotation of the similarity, with the shift that then fits the inliers best.
    rotation = matrix[:, :2] / np.sqrt(np.linalg.det(matrix[:, :2]))
    middle = to_points[inliers].mean(0) - rotation @ from_points[inliers].mean(0)
    return np.column_stack([rotation, middle]), inliers


def _homography(from_points, to_points, shape):
    """The homography (3, 3) on points from the centre that brings moving onto fixed, or None, and the inliers bool (n,)."""
    nobody = np.zeros(len(from_points), bool)
    if len(from_points) < 4:
        return None, nobody
    cv2.setRNGSeed(0)
    centre = (np.float32(shape[::-1]) - 1.0) / 2.0
    matrix, inliers = cv2.findHomography(to_points - centre, from_points - centre, **RANSAC)
    if matrix is None or not np.isfinite(matrix).all() or not _keeps_the_frame(matrix, *centre):
        return None, nobody
    return matrix / matrix[2, 2], inliers.ravel().astype(bool)


def _keeps_the_frame(matrix, x, y):
    """Whether a homography keeps the sides of a frame of half-sides x, y in order and its corners in front of the horizon."""
    corners = np.float64([[-x, -y, 1.0], [x, -y, 1.0], [x, y, 1.0], [-x, y, 1.0]]) @ (matrix / matrix[2, 2]).T
    return bool((corners[:, 2] > MIN_SCALE).all() and np.linalg.det(matrix / matrix[2, 2]) > MIN_SCALE**2)


KINDS = {"rigid": _similarity, "homography": _homography}


def _grey(image):
    """An image as 8 bits."""
    low, high = np.percentile(image, (CLIPPED, 100.0 - CLIPPED))
    return np.clip((image - low) * (255.0 / max(high - low, 1e-12)), 0.0, 255.0).astype(np.uint8)

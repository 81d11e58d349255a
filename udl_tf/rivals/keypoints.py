"""OpenCV's keypoints: SIFT, ORB or AKAZE, nearest neighbours with the ratio test, a consensus, least squares on its inliers.

Neighbours are found by brute force or by FLANN (k-d trees, or for bits locality-sensitive hashing). SURF is not in OpenCV's
wheels: it is only built with OPENCV_ENABLE_NONFREE.
"""

import cv2
import numpy as np

from pipelines.errors import InputError
from udl_tf.rivals import consensus

RATIO = 0.9  # nearest to second nearest descriptor; images of 128 pixels have few keypoints, RANSAC sorts them out
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

KD_TREES, HASHES = {"algorithm": 1, "trees": 4}, {"algorithm": 6, "table_number": 12, "key_size": 12, "multi_probe_level": 2}
MATCHERS = {  # by the distance between descriptors
    "brute": cv2.BFMatcher,
    "flann": lambda norm: cv2.FlannBasedMatcher(KD_TREES if norm == cv2.NORM_L2 else HASHES, {"checks": 64}),
}


def answer(problem, inputs, method, matcher="brute", estimator="ransac"):
    """See `registry.Rival`; method: a key of `METHODS`. matcher: of `MATCHERS`. estimator: of `consensus.ESTIMATORS`."""
    if problem.kind == "features":
        return matched(inputs["fixed"], inputs["moving"], method, matcher, estimator)
    find = {"rigid": align, "affine": affines, "homography": homographies}[problem.kind]
    return find(inputs["fixed"], inputs["moving"], method, matcher, estimator)


def align(fixed, moving, method="sift", matcher="brute", estimator="ransac"):
    """Rigid transforms that bring moving onto fixed.

    Args:
        fixed, moving: float32 (n, side, side), any grey values. method: a key of `METHODS`. matcher: of `MATCHERS`.
        estimator: of `consensus.ESTIMATORS`.

    Returns:
        `Rigid`, its angles in [-180, 180); zeros for a pair with too few matches.

    Raises:
        InputError: unknown method, matcher or estimator.
    """
    return matched(fixed, moving, method, matcher, estimator).transform


def matched(fixed, moving, method="sift", matcher="brute", estimator="ransac"):
    """As `align`, with what was matched: `consensus.Matched`."""
    find = _Matcher(method, matcher)
    places = [find(*pair)[:2] for pair in zip(fixed, moving, strict=True)]
    return consensus.Matched.of(places, moving.shape[1], estimator)


def homographies(fixed, moving, method="sift", matcher="brute", estimator="ransac"):
    """The `Homography` that brings moving onto fixed; arguments as of `align`.

    The identity for a pair with too few matches, or whose matches would turn the frame inside out.
    """
    find = _Matcher(method, matcher)
    places = [find(*pair)[:2] for pair in zip(fixed, moving, strict=True)]
    return consensus.homographies(places, moving.shape[1:], estimator)


def affines(fixed, moving, method="sift", matcher="brute", estimator="ransac"):
    """The `Affine` that brings moving onto fixed; arguments and what is given up on as of `homographies`."""
    find = _Matcher(method, matcher)
    places = [find(*pair)[:2] for pair in zip(fixed, moving, strict=True)]
    return consensus.affines(places, moving.shape[1:], estimator)


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

    def __init__(self, method, matcher="brute"):
        for name, known in ((method, METHODS), (matcher, MATCHERS)):
            if name not in known:
                raise InputError(f"keypoints: received {name!r}, expected one of {', '.join(known)}")
        make, norm = METHODS[method]
        self.detector, self.matcher = make(), MATCHERS[matcher](norm)

    def __call__(self, fixed, moving):
        (points, features), (other, other_features) = (
            self.detector.detectAndCompute(_grey(image), None) for image in (fixed, moving)
        )
        good = []
        if features is not None and other_features is not None and len(features) > 1 and len(other_features) > 1:
            cv2.setRNGSeed(0)  # FLANN's trees: the same pair, the same answer
            pairs = (pair for pair in self.matcher.knnMatch(features, other_features, k=2) if len(pair) == 2)
            good = [first for first, second in pairs if first.distance < RATIO * second.distance]
        from_points = np.float32([points[match.queryIdx].pt for match in good]).reshape(-1, 2)
        to_points = np.float32([other[match.trainIdx].pt for match in good]).reshape(-1, 2)
        return from_points, to_points, points, other, good


KINDS = {
    "rigid": lambda fixed, moving, shape: consensus.rigid(fixed, moving),
    "homography": consensus.homography,
}


def _grey(image):
    """An image as 8 bits."""
    low, high = np.percentile(image, (CLIPPED, 100.0 - CLIPPED))
    return np.clip((image - low) * (255.0 / max(high - low, 1e-12)), 0.0, 255.0).astype(np.uint8)

"""OpenCV's keypoints: SIFT, ORB or AKAZE, nearest neighbours with the ratio test, RANSAC, least squares on the inliers."""

import cv2
import numpy as np

from . import pairwise

RATIO = 0.9  # nearest to second nearest descriptor; images of 128 pixels have few keypoints, RANSAC sorts them out
REPROJECTION = 3.0  # pixels, of RANSAC's inliers
MIN_SCALE = 0.01  # RANSAC may shrink everything to a point where features repeat
CLIPPED = 0.2  # percent of the grey values at either end, before the other ones fill 8 bits


def sift(fixed, moving):
    """Align pairs by SIFT."""
    return _align(
        cv2.SIFT_create(contrastThreshold=0.01, edgeThreshold=20, enable_precise_upscale=True), cv2.NORM_L2, fixed, moving
    )


def orb(fixed, moving):
    """Align pairs by ORB."""
    detector = cv2.ORB_create(nfeatures=1000, scaleFactor=1.2, nlevels=6, edgeThreshold=16, patchSize=31, fastThreshold=4)
    return _align(detector, cv2.NORM_HAMMING, fixed, moving)


def akaze(fixed, moving):
    """Align pairs by AKAZE."""
    return _align(cv2.AKAZE_create(threshold=1e-4), cv2.NORM_HAMMING, fixed, moving)


def _align(detector, norm, fixed, moving):
    matcher = cv2.BFMatcher(norm)

    def align_pair(fixed, moving):
        (points, features), (other, other_features) = (_described(detector, image) for image in (fixed, moving))
        if features is None or other_features is None or len(features) < 2 or len(other_features) < 2:
            return None
        matches = matcher.knnMatch(features, other_features, k=2)
        good = [first for first, second in matches if first.distance < RATIO * second.distance]
        if len(good) < 2:
            return None
        from_points = np.float32([points[match.queryIdx].pt for match in good])
        to_points = np.float32([other[match.trainIdx].pt for match in good])
        cv2.setRNGSeed(0)  # RANSAC: the same pair, the same answer
        matrix, inliers = cv2.estimateAffinePartial2D(
            from_points, to_points, method=cv2.RANSAC, ransacReprojThreshold=REPROJECTION, maxIters=5000, confidence=0.999
        )
        if matrix is None or not np.isfinite(matrix).all() or np.linalg.det(matrix[:, :2]) < MIN_SCALE**2:
            return None
        return _rigid(from_points, to_points, inliers.ravel().astype(bool), matrix)

    return pairwise.each(align_pair, fixed, moving)


def _rigid(from_points, to_points, inliers, matrix):
    """The rotation of a similarity (2, 3), with the shift that then fits the inliers best."""
    rotation = matrix[:, :2] / np.sqrt(np.linalg.det(matrix[:, :2]))
    middle = to_points[inliers].mean(0) - rotation @ from_points[inliers].mean(0)
    return np.column_stack([rotation, middle])


def _described(detector, image):
    """Keypoints and descriptors of an image, as 8 bits."""
    low, high = np.percentile(image, (CLIPPED, 100.0 - CLIPPED))
    grey = np.clip((image - low) * (255.0 / max(high - low, 1e-12)), 0.0, 255.0).astype(np.uint8)
    return detector.detectAndCompute(grey, None)

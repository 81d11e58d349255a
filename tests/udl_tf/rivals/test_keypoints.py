"""Keypoints: what they find of known transforms, in our convention, and that they give up quietly."""

import cv2
import numpy as np
import pytest

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.geometry import homography
from pipelines.geometry.warp import centre_crop, pulled, warp
from pipelines.pictures import dead_leaves
from udl_tf.rivals import consensus, keypoints

ANGLES = np.float32([77.35, -160.8])
SHIFTS = np.float32([[3.4, -7.2], [-9.3, 11.6]])
HOMOGRAPHIES = np.float32(
    [[[0.95, 0.2, 6.0], [-0.25, 1.05, -4.0], [1e-3, -8e-4, 1.0]], [[0.1, 1, -3], [-1, 0.1, 8], [0, 5e-4, 1]]]
)


@pytest.fixture(scope="module")
def picture():
    return dead_leaves.dead_leaves(1, 200, seed=5)


@pytest.mark.parametrize("method", keypoints.METHODS)
def test_finds_turns_and_shifts(method, picture):
    copies = np.repeat(picture, 2, 0)
    fixed = centre_crop(warp(copies, ANGLES, SHIFTS, fill_mode="reflect"), 128).numpy()
    found = keypoints.align(fixed, centre_crop(copies, 128), method)
    assert geometry.angular_distance(found.angle, ANGLES).max() < 0.5
    assert np.linalg.norm(found.shift - SHIFTS, axis=1).max() < 0.5


@pytest.mark.parametrize("matcher", keypoints.MATCHERS)
@pytest.mark.parametrize("estimator", consensus.ESTIMATORS)
@pytest.mark.parametrize("method", ["sift", "orb"])
def test_every_matcher_and_estimator_finds_them_the_same_twice(method, estimator, matcher, picture):
    copies = np.repeat(picture, 2, 0)
    fixed = centre_crop(warp(copies, ANGLES, SHIFTS, fill_mode="reflect"), 128).numpy()
    pair = fixed, centre_crop(copies, 128)
    first, again = (keypoints.matched(*pair, method, matcher, estimator) for _ in range(2))
    assert geometry.angular_distance(first.transform.angle, ANGLES).max() < 0.7
    assert np.linalg.norm(first.transform.shift - SHIFTS, axis=1).max() < 0.7
    np.testing.assert_array_equal(first.transform.angle, again.transform.angle)
    matrix = keypoints.homographies(*pair, method, matcher, estimator).matrix
    truth = homography.from_rigid(ANGLES, SHIFTS)
    assert homography.corner_error(matrix, truth, 128, 128).numpy().max() < 6.0


@pytest.mark.parametrize(("method", "most"), [("sift", 1.0), ("orb", 4.0), ("akaze", 2.0)])
def test_finds_homographies(method, most, picture):
    """Against OpenCV's warp with a matrix moved to the top left by hand."""
    to_centre = np.array([[1, 0, 99.5], [0, 1, 99.5], [0, 0, 1]])
    pixels = to_centre @ HOMOGRAPHIES @ np.linalg.inv(to_centre)
    fixed = np.stack([cv2.warpPerspective(picture[0], matrix, (200, 200)) for matrix in pixels])
    found = keypoints.homographies(fixed[:, 36:164, 36:164], np.repeat(picture[:, 36:164, 36:164], 2, 0), method).matrix
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, 2, 2], 1.0)
    assert homography.corner_error(found, HOMOGRAPHIES, 128, 128).numpy().max() < most


@pytest.mark.parametrize("method", keypoints.METHODS)
def test_gives_up_quietly(method, picture):
    blank = np.zeros((1, 64, 64), np.float32)
    found = keypoints.align(blank, picture[:, :64, :64], method)
    assert found.angle == [0.0]
    assert found.shift.tolist() == [[0.0, 0.0]]
    np.testing.assert_array_equal(keypoints.homographies(picture[:, :64, :64], blank, method).matrix, np.eye(3)[None])
    assert keypoints.match_picture(blank[0], picture[0, :64, :64], method).shape == (64, 128, 3)


def test_a_frame_turned_inside_out_is_refused():
    assert consensus.keeps_the_frame(HOMOGRAPHIES[0], 64, 64)
    assert not consensus.keeps_the_frame(np.diag([-1.0, 1.0, 1.0]), 64, 64)  # mirrored
    assert not consensus.keeps_the_frame(np.array([[1, 0, 0], [0, 1, 0], [0.02, 0, 1.0]]), 64, 64)  # the horizon at x = -50


def test_the_match_picture_shows_both_images_and_the_right_matches(picture):
    """A shift by 9 px to the left: the green lines run from x to 128 + x + 9 at the same height."""
    fixed, moving = picture[0, 20:148, 29:157], picture[0, 20:148, 20:148]
    drawn = keypoints.match_picture(fixed, moving, "orb")
    assert drawn.shape == (128, 256, 3) and drawn.dtype == np.uint8
    grey = (drawn == drawn[..., :1]).all(-1)
    both = np.concatenate([keypoints._grey(fixed), keypoints._grey(moving)], 1)
    assert grey.mean() > 0.1
    np.testing.assert_array_equal(drawn[..., 0][grey], both[grey])
    assert (drawn == keypoints.AGREED).all(-1).sum() > 1000
    from_points, to_points, *_ = keypoints._Matcher("orb")(fixed, moving)
    _, inliers = consensus.rigid(from_points, to_points)
    np.testing.assert_allclose((to_points - from_points)[inliers].mean(0), [9.0, 0.0], atol=0.2)


def test_unknown_methods_are_refused(picture):
    with pytest.raises(InputError, match="received 'surf', expected one of sift, orb, akaze"):
        keypoints.align(picture, picture, "surf")
    with pytest.raises(InputError, match="keypoints: received 'annoy', expected one of brute, flann"):
        keypoints.align(picture, picture, "sift", "annoy")
    with pytest.raises(InputError, match="consensus: received 'vote', expected one of ransac, lmeds, usac"):
        keypoints.align(picture, picture, "sift", estimator="vote")


def test_the_match_picture_of_a_homography_agrees_with_more_than_a_rigid_one_does(picture):
    fixed = pulled(picture, homography.inverse(HOMOGRAPHIES[:1])).numpy()[0, 36:164, 36:164]
    moving = picture[0, 36:164, 36:164]
    rigid, free = (keypoints.match_picture(fixed, moving, "sift", kind) for kind in ("rigid", "homography"))
    agreed = [(drawn == keypoints.AGREED).all(-1).sum() for drawn in (rigid, free)]
    assert agreed[1] > 1.3 * agreed[0] > 0
    from_points, to_points, *_ = keypoints._Matcher("sift")(fixed, moving)
    matrix, inliers = consensus.homography(from_points, to_points, fixed.shape)
    moved = (np.column_stack([to_points - 63.5, np.ones(len(to_points))]) @ matrix.T)[inliers]
    assert np.abs(moved[:, :2] / moved[:, 2:] - (from_points[inliers] - 63.5)).max() < consensus.REPROJECTION


def test_a_zoomed_match_picture_shows_the_same_larger(picture):
    fixed, moving = picture[0, 20:148, 29:157], picture[0, 20:148, 20:148]
    drawn = keypoints.match_picture(fixed, moving, "orb", zoom=3)
    assert drawn.shape == (384, 768, 3)
    grey = (drawn == drawn[..., :1]).all(-1)
    both = np.concatenate([keypoints._grey(fixed), keypoints._grey(moving)], 1).repeat(3, 0).repeat(3, 1)
    np.testing.assert_array_equal(drawn[..., 0][grey], both[grey])
    # Every match is a line between its places, three times as far from the corner: its middle is green, within a pixel.
    from_points, to_points, *_ = keypoints._Matcher("orb")(fixed, moving)
    _, inliers = consensus.rigid(from_points, to_points)
    middle = np.rint((from_points + to_points + [128.0, 0.0])[inliers] * 1.5 + 1.0).astype(int)
    green = cv2.dilate((drawn[..., 1] > drawn[..., 2] + 40.0).astype(np.uint8), np.ones((3, 3), np.uint8))  # lines are smoothed
    assert green[middle[:, 1], middle[:, 0]].mean() > 0.99


def test_an_unknown_kind_of_match_picture_is_said(picture):
    with pytest.raises(InputError, match="received 'affine', expected one of rigid, homography"):
        keypoints.match_picture(picture[0], picture[0], "orb", "affine")

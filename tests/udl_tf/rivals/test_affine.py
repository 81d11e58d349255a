"""Affine transforms and homographies by ECC, affine ones by keypoints: what they find of a picture bent by OpenCV's warp."""

import cv2
import numpy as np
import pytest

from pipelines.geometry import homography
from pipelines.geometry.transforms import Affine, Homography
from pipelines.pictures import dead_leaves
from udl_tf.rivals import consensus, registry
from udl_tf.rivals.problem import Problem

AFFINE = np.float64([[[1.04, 0.06, 3.0], [-0.05, 0.97, -4.5], [0, 0, 1]], [[0.96, -0.08, -2.0], [0.03, 1.05, 5.25], [0, 0, 1]]])
PROJECTIVE = AFFINE + np.float64([[0, 0, 0], [0, 0, 0], [3e-4, -4e-4, 0]])


def seen_through(matrices):
    """Moving pictures (2, 128, 128), and fixed ones that show the same where matrices (2, 3, 3) about the centres take it."""
    picture = dead_leaves.dead_leaves(1, 200, seed=5)[0]
    to_centre = np.array([[1, 0, 99.5], [0, 1, 99.5], [0, 0, 1]])
    fixed = [cv2.warpPerspective(picture, to_centre @ one @ np.linalg.inv(to_centre), (200, 200)) for one in matrices]
    inner = slice(36, 164)
    return {"fixed": np.stack(fixed)[:, inner, inner], "moving": np.repeat(picture[None, inner, inner], 2, 0)}


@pytest.mark.parametrize(
    ("name", "kind", "truth", "most"),
    [
        ("ecc", "affine", AFFINE, 0.05),
        ("ecc", "homography", PROJECTIVE, 0.1),
        ("sift", "affine", AFFINE, 1.0),
        ("sift-usac", "affine", AFFINE, 1.0),
        ("orb", "affine", AFFINE, 2.5),
    ],
)
def test_finds_what_was_done(name, kind, truth, most):
    found = registry.RIVALS[name].function(kind)(Problem(kind, 128), seen_through(truth))
    assert type(found) is {"affine": Affine, "homography": Homography}[kind]
    away = homography.corner_error(np.float32(found.matrix), np.float32(truth), 128, 128).numpy()
    assert away.max() < most
    assert homography.corner_error(np.eye(3, dtype=np.float32)[None], np.float32(truth), 128, 128).numpy().min() > 4.0


def test_pictures_of_any_shape_and_a_pair_that_says_nothing():
    inputs = {name: pictures[:, 10:110] for name, pictures in seen_through(AFFINE).items()}
    found = registry.RIVALS["ecc"].function("affine")(Problem("affine", 100), inputs)
    truth = AFFINE[0] @ [0.0, -4.0, 1.0]  # the middle of these rows is 4 pixels above the picture's
    np.testing.assert_allclose(found.matrix[0] @ [0.0, 0.0, 1.0], truth - [0.0, -4.0, 0.0], atol=0.03)
    flat = {name: np.zeros((1, 64, 64), np.float32) for name in ("fixed", "moving")}
    for name in ("ecc", "sift"):
        np.testing.assert_array_equal(
            registry.RIVALS[name].function("affine")(Problem("affine", 64), flat).matrix, np.eye(3)[None]
        )


def test_an_affine_transform_is_fitted_to_places_most_of_which_agree():
    rng = np.random.default_rng(2)
    moving = rng.uniform(0, 100, (60, 2)).astype(np.float32)
    centre = np.array([63.5, 47.5])
    fixed = (moving - centre) @ AFFINE[0, :2, :2].T + AFFINE[0, :2, 2] + centre
    fixed[:15] += rng.uniform(20, 40, (15, 2))
    for estimator in consensus.ESTIMATORS:
        matrix, inliers = consensus.affine(fixed.astype(np.float32), moving, (96, 128), estimator)
        np.testing.assert_allclose(matrix, AFFINE[0], atol=2e-3)
        assert not inliers[:15].any() and inliers[15:].all()
    assert consensus.affine(fixed[:2], moving[:2], (96, 128))[0] is None

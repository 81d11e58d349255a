"""Homography pairs against pictures given by a formula and corners moved by hand."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.pairs import homography_pairs
from pipelines.pictures import ArrayPictures, crops, dead_leaves

SEED = tf.constant([3, 1], tf.int32)
SQUARE = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])  # top left, top right, bottom right, bottom left


def scene(x, y):
    """A smooth picture without symmetry, so that no interpolation is needed to see it from elsewhere."""
    return np.sin(0.21 * x + 0.08 * y) + np.cos(0.13 * y - 0.05 * x + 1.0) + np.exp(-((x - 6) ** 2 + (y + 4) ** 2) / 60)


def applied(matrix, points):
    """Where a homography takes points (n, 2), in float64."""
    lifted = np.concatenate([points, np.ones((len(points), 1))], 1) @ np.asarray(matrix, np.float64).T
    return lifted[:, :2] / lifted[:, 2:]


@pytest.mark.parametrize("patch, size, margin", [(32, 48, 0), (33, 53, 6)])
def test_the_truth_brings_moving_onto_fixed(patch, size, margin):
    grid = geometry.centred_grid(size, size).astype(np.float64)
    crops = np.repeat(scene(grid[..., 0], grid[..., 1])[None], 8, 0).astype(np.float32)
    fixed, moving, matrix = (each.numpy() for each in homography_pairs.homography_pair(crops, SEED, patch, 8.0, margin))
    assert fixed.shape == (8, patch + 2 * margin, patch + 2 * margin) and moving.shape == (8, patch, patch)
    around = geometry.centred_grid(*fixed.shape[1:]).astype(np.float64)
    np.testing.assert_allclose(fixed[0], scene(around[..., 0], around[..., 1]), atol=1e-6)
    points = geometry.centred_grid(patch, patch).astype(np.float64).reshape(-1, 2)
    for image, found in zip(moving, matrix):
        # What moving shows at p, fixed shows where the truth takes p. Bilinear interpolation errs by some 0.3 * 0.2^2.
        expected = scene(*applied(found, points).T).reshape(patch, patch)
        assert np.abs(image - expected).max() < 0.02
        assert np.abs(image - fixed[0][margin : margin + patch, margin : margin + patch]).max() > 0.2  # it does move


def test_corners_are_spread_evenly_and_nothing_is_black():
    crops = tf.fill([1000, 48, 48], 5.0)
    _, moving, matrix = homography_pairs.homography_pair(crops, SEED, 32, 8.0)
    np.testing.assert_allclose(moving, 5.0, atol=1e-4)
    corners = 15.5 * SQUARE
    moves = np.stack([applied(found, corners) - corners for found in matrix])
    for corner in range(4):
        for axis in range(2):
            counts = np.histogram(moves[:, corner, axis], 8, (-8, 8))[0]
            assert counts.sum() >= 998 and counts.min() > 80  # 125 expected; rounding may put one beyond the edge


def test_the_dataset_goes_on_where_it_is_told_to():
    images = dead_leaves.dead_leaves(5, size=120, seed=2)
    shift = homography_pairs.photo_shift(32, 8.0)

    def batches(start, count):
        cut = ArrayPictures(images, 4, 32, shift, seed=7).crops(start)
        data = homography_pairs.from_crops(cut, 7, 32, 8.0, start=start)
        return list(data.take(count).as_numpy_iterator())

    whole, rest = batches(0, 3), batches(1, 2)
    for expected, found in zip(whole[1:], rest):
        tf.nest.map_structure(np.testing.assert_array_equal, expected, found)
    (inputs, truth), (_, other) = whole[:2]
    assert {name: image.shape for name, image in inputs.items()} == {"fixed": (4, 32, 32), "moving": (4, 32, 32)}
    assert truth["homography"].shape == (4, 3, 3) and np.abs(truth["homography"] - other["homography"]).max() > 0.01
    assert np.abs(np.concatenate([inputs["fixed"], inputs["moving"]])).max() < 10  # grey values are normalised


def test_crops_of_photos_are_large_enough():
    assert homography_pairs.crop_size(128, 32.0) == 192 and homography_pairs.crop_size(64, 8.0, 12) == 88
    for patch, reach, margin in ((128, 32.0, 0), (64, 8.0, 0), (65, 16.0, 20), (48, 11.5, 12)):
        size = crops.crop_size(patch, homography_pairs.photo_shift(patch, reach, margin))
        assert size >= homography_pairs.crop_size(patch, reach, margin) and (size - patch) % 2 == 0


def test_what_cannot_be_cut_is_told():
    with pytest.raises(InputError, match="46 pixels: expected 48 or more"):
        homography_pairs.homography_pair(tf.zeros([1, 46, 46]), SEED, 32, 8.0)
    with pytest.raises(InputError, match="received 9 pixels, expected 0 to 8"):
        homography_pairs.homography_pair(tf.zeros([1, 64, 64]), SEED, 32, 9.0)

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.pairs.photo_pair import photo_pair
from pipelines.pictures import dead_leaves
from pipelines.pictures.crops import crop_size

SEED = tf.constant([8, 1], tf.int32)


@pytest.fixture(scope="module")
def pictures():
    """Textured pictures of 300 pixels."""
    return dead_leaves.dead_leaves(6, size=300, seed=2)


def smooth_scene(x, y):
    """A picture given by a formula, so that turning it needs no interpolation. Asymmetric, values 0 to 255."""
    waves = np.sin(0.11 * x + 0.05 * y) + np.cos(0.07 * y - 0.03 * x + 1.0) + np.exp(-((x - 30) ** 2 + (y + 20) ** 2) / 800)
    return 100.0 + 40.0 * waves


@pytest.mark.parametrize("patch, size", [(128, 210), (129, 211), (96, 180)])
def test_the_truth_brings_moving_onto_fixed(patch, size):
    grid = geometry.centred_grid(size, size).astype(np.float64)
    crops = np.repeat(smooth_scene(grid[..., 0], grid[..., 1])[None], 12, 0).astype(np.float32)
    fixed, moving, angle, shift = (each.numpy() for each in photo_pair(crops, SEED, patch))
    assert fixed.shape == moving.shape == (12, patch, patch)

    patch_grid = geometry.centred_grid(patch, patch).astype(np.float64)
    np.testing.assert_allclose(moving[0], smooth_scene(patch_grid[..., 0], patch_grid[..., 1]), atol=1e-3)
    for image, degrees, (dx, dy) in zip(fixed, angle, shift):
        # What `fixed` shows at p was, before the turn (counter-clockwise as displayed, y down) and the shift, at:
        x, y = patch_grid[..., 0] - dx, patch_grid[..., 1] - dy
        cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        expected = smooth_scene(cos * x - sin * y, sin * x + cos * y)
        # Bilinear interpolation errs by at most an eighth of the second slopes: here about 40 * 0.12^2 each way.
        assert np.abs(image - expected).max() < 0.2
        assert np.std(image - expected) < 0.001 * np.std(expected)


def test_no_black_corner_at_any_angle():
    crops = tf.fill([600, crop_size(48, 10.0), crop_size(48, 10.0)], 200.0)
    fixed, _, angle, shift = photo_pair(crops, SEED, 48)
    np.testing.assert_allclose(fixed, 200.0, atol=1e-3)
    assert np.histogram(angle, 12, (-180, 180))[0].min() > 25  # 50 expected in each
    assert 9.5 < np.abs(shift).max() <= 10.0
    smaller = tf.fill([600, crop_size(48, 10.0) - 4, crop_size(48, 10.0) - 4], 200.0)
    with pytest.raises(InputError, match="92 pixels: expected 96 or more"):
        photo_pair(smaller, SEED, 48)


def test_pairs_depend_on_the_seed_only(pictures):
    crops = pictures[:4, :210, :210]
    first, again = photo_pair(crops, SEED), photo_pair(crops, SEED)
    for a, b in zip(first, again):
        np.testing.assert_array_equal(a, b)
    other = photo_pair(crops, SEED + 1)
    assert np.abs(first[2] - other[2]).min() > 0.01
    assert np.abs(np.corrcoef(first[2], first[3][:, 0])[0, 1]) < 0.99

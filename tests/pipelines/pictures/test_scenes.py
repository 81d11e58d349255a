"""Scenes: what a pose does to their pictures."""

import numpy as np

from pipelines.pictures.scenes import Scene


def test_poses_without_interpolation_move_pixels():
    scene = Scene(80, seed=1, reach=5)
    still = scene.seen(0.0, (0.0, 0.0), (60, 80))
    moved = scene.seen(0.0, (3.0, -2.0), (60, 80))
    np.testing.assert_allclose(moved[:-2, 3:], still[2:, :-3], atol=1e-2)
    np.testing.assert_allclose(scene.seen(90.0, (0.0, 0.0), (80, 60)), np.rot90(still), atol=1e-2)
    assert still.std() > 20 and still.min() >= -60 and still.max() <= 320


def test_a_seed_is_a_scene():
    one, same, other = (Scene(40, seed=seed).seen(10.0, (1.0, 0.0), (40, 40)) for seed in (1, 1, 2))
    assert (one == same).all() and np.abs(one - other).mean() > 10

"""Warped planes: bits kept where nothing is interpolated, and the scene itself where something is."""

import numpy as np

from pipelines.geometry import frames
from udl_tf.registration import warping
from udl_tf.registration.warping import shown, warp_planes


def test_whole_pixels_and_quarter_turns_keep_every_bit():
    image = np.random.default_rng(0).integers(0, 65536, (1, 40, 50)).astype(np.uint16)
    moved = warp_planes(image, 0.0, np.array([3.0, -2.0]), fill=7)
    assert (moved[0, :-2, 3:] == image[0, 2:, :-3]).all() and (moved[0, :, :3] == 7).all() and (moved[0, -2:] == 7).all()
    assert (warp_planes(image, 90.0, np.zeros(2), (50, 40), 0)[0] == np.rot90(image[0])).all()
    assert (warp_planes(image, 0.0, np.zeros(2)) == image).all()


def test_between_pixels_the_scene_is_met(scene, monkeypatch):
    monkeypatch.setattr(warping, "TILE", 64)
    angle, shift, size = 17.3, np.array([3.4, -1.7]), (120, 140)
    moving = scene.seen(0.0, (0.0, 0.0), size)
    expected, there = scene.seen(angle, shift, size), shown(angle, shift, size, size)
    found = warp_planes(np.stack([moving, 2.0 * moving]), angle, shift, fill=-1.0)
    inner = there & shown(angle, shift, size, (size[0], size[1]))
    error = (found[0] - expected)[inner]
    assert np.sqrt(np.mean(error**2)) < 0.02 * expected.std()
    assert (found[0][~there] == -1.0).all() and 0.1 < np.mean(~there) < 0.5
    np.testing.assert_allclose(found[1][inner], 2.0 * found[0][inner], rtol=1e-3, atol=0.1)


def test_a_frame_of_another_size_and_the_border_s_level():
    image = np.full((1, 30, 30), 50, np.uint8)
    image[0, 10:20, 10:20] = 200
    found = warp_planes(image, 0.0, np.zeros(2), (40, 50))
    assert found.shape == (1, 40, 50) and found[0, 0, 0] == 50 and (found[0, 15:25, 20:30] == 200).all()
    assert shown(0.0, np.zeros(2), (40, 50), (30, 30)).sum() == 900


def test_values_stay_in_the_range_of_their_type(scene):
    image = np.where(scene.seen(0.0, (0.0, 0.0), (60, 60)) > 120, 255, 0).astype(np.uint8)[None]
    found = warp_planes(image, 5.0, np.array([0.4, 0.3]))
    assert found.dtype == np.uint8 and found.min() == 0 and found.max() == 255  # what rings does not wrap round
    assert np.mean(found[0, 10:-10, 10:-10] != 0) > 0.1
    assert frames.error(np.zeros(1), np.zeros((1, 2)), (0.0, np.zeros(2)), (60, 60)) == 0.0

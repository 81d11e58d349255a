"""Planes brought to where any transform takes them: by hand, beside the rigid warp, and of every type."""

import numpy as np
import pytest

from pipelines.geometry import frames
from pipelines.geometry.transforms import Affine, Displacement, Homography, Rigid
from udl_tf.registration import placing
from udl_tf.registration.placing import pixel_places, placed, visible
from udl_tf.registration.warping import warp_planes


def shift(dx, dy):
    return Rigid(np.zeros(1), np.array([[dx, dy]]))


def test_whole_pixels_are_kept_and_the_rest_is_filled():
    plane = np.random.default_rng(0).integers(0, 255, (30, 40, 3)).astype(np.uint8)
    moved = placed(plane, shift(5, -3), (30, 40), fill=7)
    np.testing.assert_array_equal(moved[:-3, 5:], plane[3:, :-5])
    assert (moved[-3:] == 7).all() and (moved[:, :5] == 7).all() and moved.dtype == np.uint8
    known = visible(shift(5, -3), (30, 40), (30, 40))
    assert known[:-3, 5:].all() and known.sum() == 27 * 35
    border = np.concatenate([plane[0], plane[-1], plane[:, 0], plane[:, -1]])
    np.testing.assert_array_equal(placed(plane, shift(5, -3), (30, 40))[-1, 0], np.rint(np.median(border, 0)))


def test_frames_of_two_sizes_lie_centre_on_centre():
    plane = np.arange(20.0 * 24).reshape(20, 24)
    np.testing.assert_array_equal(placed(plane, shift(0, 0), (10, 12)), plane[5:15, 6:18])
    np.testing.assert_array_equal(placed(plane, shift(0, 0), (26, 30), fill=-1)[3:23, 3:27], plane)


@pytest.mark.parametrize("band", [512, 33])
def test_turns_are_those_of_the_rigid_warp(views, band, monkeypatch):
    monkeypatch.setattr(placing, "BAND", band)
    pictures, truth = views
    angle, offset = truth[1]
    by_kernel = warp_planes(pictures[1][None], angle, offset)[0]
    rigid = Rigid(np.array([angle]), np.array([offset]))
    for transform in (rigid, Affine.of(rigid), Homography.of(rigid), Displacement.of(rigid, *pictures[1].shape)):
        moved = placed(pictures[1], transform, pictures[1].shape)
        for expected in (pictures[0], by_kernel):  # the first is rendered, not interpolated
            assert (moved - expected)[16:-16, 16:-16].std() < 0.02 * pictures[0].std()


def test_places_by_hand():
    places = pixel_places(shift(2.5, -1.0), (10, 20), (14, 30), slice(4, 6))
    assert places.shape == (2, 20, 2)
    np.testing.assert_allclose(places[0, 0], [0 - 9.5 - 2.5 + 14.5, 4 - 4.5 + 1.0 + 6.5])
    pull = frames.pixel_maps(np.array([30.0]), np.array([[1.0, 2.0]]), (10, 20), (14, 30))[0]
    found = pixel_places(Rigid(np.array([30.0]), np.array([[1.0, 2.0]])), (10, 20), (14, 30))[7, 3]
    np.testing.assert_allclose(found, (pull @ [3, 7, 1])[:2], atol=1e-5)

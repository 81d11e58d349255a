"""Sums over blocks against the same sums made pixel by pixel in NumPy; tiles and batches do not show."""

import numpy as np
import pytest

from pipelines.geometry import frames
from udl_tf.registration import block_sums as module
from udl_tf.registration.block_sums import block_sums, level_map
from udl_tf.registration.numbers import radius
from udl_tf.registration.pyramid import Pyramid


def spline(f):
    return np.stack([(1 - f) ** 3, 4 - 6 * f**2 + 3 * f**3, 1 + 3 * f + 3 * f**2 - 3 * f**3, f**3]) / 6.0


def sampled(image, x, y):
    """A cubic B-spline with the blurred pixels for coefficients, at places x, y."""
    for axis in (0, 1):
        image = (np.roll(image, 1, axis) + 2 * image + np.roll(image, -1, axis)) / 4.0
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    across, along = spline(x - left), spline(y - top)
    picked = lambda r, c: image[np.clip(top + r - 1, 0, len(image) - 1), np.clip(left + c - 1, 0, image.shape[1] - 1)]  # noqa: E731
    return sum(along[r] * across[c] * picked(r, c) for r in range(4) for c in range(4))


def test_the_sums_are_those_of_the_pixels(views):
    fixed, moving = views[0][0], views[0][1]
    known = np.array([0.0, 50.0, 0.0, 40.0, 1e3])
    pyramids = Pyramid(fixed), Pyramid(moving)
    total = block_sums(*pyramids, 0, -2.0, np.array([3.3, 1.2]), known).sum(0)
    maps = frames.pixel_maps(-2.0, np.array([3.3, 1.2]), fixed.shape, moving.shape)[0, :2]
    y, x = np.mgrid[: fixed.shape[0], : fixed.shape[1]].astype(float)
    u, v = (row[0] * x + row[1] * y + row[2] for row in maps)

    def depth(x, y):
        return np.clip((np.minimum(np.minimum(x, 239 - x), np.minimum(y, 199 - y)) + 0.5 - 3.0) / 4.0, 0.0, 1.0)

    weight = depth(x, y) * depth(u, v)
    still = sampled((fixed - pyramids[0].offset) / 50.0, x, y)
    moved = sampled((moving - pyramids[1].offset) / 40.0, u, v)
    assert total[8, 8] == pytest.approx(weight.sum(), rel=1e-4)
    assert total[6, 6] == pytest.approx((weight * still**2).sum(), rel=1e-4)
    assert total[7, 7] == pytest.approx((weight * moved**2).sum(), rel=5e-3)  # linear between half pixels
    assert total[6, 7] == pytest.approx((weight * still * moved).sum(), rel=5e-3)
    change = -(np.roll(still, -1, 1) - np.roll(still, 1, 1)) / 2.0
    down = -(np.roll(still, -1, 0) - np.roll(still, 1, 0)) / 2.0
    assert total[1, 1] == pytest.approx((weight * change**2).sum(), rel=1e-3)
    turn = (change * (y - 99.5) - down * (x - 119.5)) / radius(fixed.shape)
    assert total[0, 2] == pytest.approx((weight * turn * down).sum(), rel=1e-3)


def test_tiles_and_batches_do_not_show(views, monkeypatch):
    pair = Pyramid(views[0][0]), Pyramid(views[0][3])
    known = np.array([0.0, 50.0, 0.0, 50.0, 0.4])
    whole = block_sums(*pair, 0, -151.0, np.array([2.0, 3.0]), known).sum(0)
    monkeypatch.setattr(module, "TILE", 48)
    monkeypatch.setattr(module, "PIXELS", 5000)
    np.testing.assert_allclose(block_sums(*pair, 0, -151.0, np.array([2.0, 3.0]), known).sum(0), whole, rtol=2e-3, atol=2.0)


def test_a_level_s_map_is_that_of_the_pictures():
    maps = frames.pixel_maps(33.0, np.array([5.0, -7.0]), (100, 120), (90, 130))[0]
    point = np.array([17.0, 40.0])  # pixel of level 2 covers pixels 68-71 and 160-163: its middle is 69.5, 161.5
    there = maps[:2] @ [69.5, 161.5, 1.0]
    found = level_map(2, 33.0, np.array([5.0, -7.0]), (100, 120), (90, 130)) @ [*point, 1.0]
    np.testing.assert_allclose(4.0 * (found + 0.5) - 0.5, there, atol=1e-9)

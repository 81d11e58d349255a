"""The symmetry of pictures made by turning spots, and of those that have none."""

import numpy as np
import pytest

ORDERS = [2, 3, 4, 6]
COUNT = 6


def aligned(aligner, picture, spots, noise, seed=0):
    rng = np.random.default_rng(seed)
    angle, shift = rng.uniform(-180, 180, COUNT), rng.uniform(-2.5, 2.5, (COUNT, 2))
    there = rng.uniform(-2, 2, (COUNT, 2))  # where the axis lies in the moving images
    fixed, moving = picture(angle, shift, 64, spots), picture(np.zeros(COUNT), there, 64, spots)
    result = aligner.align(*(images + rng.normal(0, noise, images.shape) for images in (fixed, moving)))
    return result, angle, shift, there


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.25])
@pytest.mark.parametrize("order", ORDERS)
def test_the_order_is_found_and_the_angle_is_right_modulo_it(aligner, picture, spots_of_order, order, noise):
    result, angle, shift, there = aligned(aligner, picture, spots_of_order(order), noise)
    assert result.symmetry.dtype == np.int32 and result.symmetry.tolist() == [order] * COUNT
    period = 360.0 / order
    assert np.abs((result.angle - angle + period / 2) % period - period / 2).max() < 0.3 + 12.0 * noise
    # Each of the right answers brings the axis of the moving image onto that of the fixed one.
    turned = np.exp(1j * np.deg2rad(result.angle)) * (there[:, 0] - 1j * there[:, 1])
    np.testing.assert_allclose(turned.real + result.shift[:, 0], shift[:, 0], atol=0.1 + 3.0 * noise)
    np.testing.assert_allclose(-turned.imag + result.shift[:, 1], shift[:, 1], atol=0.1 + 3.0 * noise)


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.3])
def test_a_picture_without_symmetry(aligner, picture, noise):
    rng = np.random.default_rng(1)
    angle = rng.uniform(-180, 180, 12)
    fixed, moving = picture(angle, np.zeros((12, 2))), picture(np.zeros(12), np.zeros((12, 2)))
    result = aligner.align(*(images + rng.normal(0, noise, images.shape) for images in (fixed, moving)))
    assert result.symmetry.tolist() == [1] * 12


def test_symmetric_pairs_are_trusted(aligner, picture, spots_of_order):
    """Their twins are right answers, too: they do not make the score less."""
    score = {order: aligned(aligner, picture, spots_of_order(order), 0.1)[0].score.min() for order in (2, 4)}
    strangers = aligner.align(*np.random.default_rng(2).normal(size=(2, 12, 64, 64))).score
    assert score[2] > strangers.max() and score[4] > strangers.max(), (score, strangers)


def test_almost_symmetric_is_not_symmetric(aligner, picture, spots_of_order):
    spots = spots_of_order(2)
    spots[1, 3] = 0.0  # one of its four spots is gone
    result, angle, *_ = aligned(aligner, picture, spots, 0.05)
    assert result.symmetry.tolist() == [1] * COUNT
    assert np.abs((result.angle - angle + 180) % 360 - 180).max() < 1.0

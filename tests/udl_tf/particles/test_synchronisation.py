"""Poses from the transforms of pairs: made-up poses come back, wrong pairs lose their say, symmetry leaves its m equal angles."""

import numpy as np
import pytest

from pipelines import geometry
from udl_tf.particles.synchronisation import random_pairs, synchronise

COUNT = 120


def poses(seed=3):
    """Angles (COUNT,) of the full circle and shifts (COUNT, 2) with the mean 0."""
    random = np.random.default_rng(seed)
    shift = random.uniform(-8, 8, (COUNT, 2))
    return random.uniform(-180, 180, COUNT), shift - shift.mean(0)


def turned(angle, points):
    """Points (n, 2), y down, turned counter-clockwise as displayed: with y up a product by exp(i angle)."""
    z = np.exp(1j * np.deg2rad(angle)) * (points[:, 0] - 1j * points[:, 1])
    return np.stack([z.real, -z.imag], 1)


def transforms(pose, first, second):
    """Transforms (pairs,), (pairs, 2) that bring image `second` onto `first`, by complex numbers and not by `geometry`.

    A pose p' = R(a) p + s brings an image into the common frame, so second onto first is R(-a1) (R(a2) p + s2 - s1).
    """
    angle, shift = pose
    return geometry.wrap_degrees(angle[second] - angle[first]), turned(-angle[first], shift[second] - shift[first])


def errors(found, pose, period=360.0):
    """Errors (COUNT,) of angle in degrees and shift in pixels, up to the one turn of the common frame that is free."""
    difference = np.exp(2j * np.pi / period * (found[0] - pose[0]))
    turn = np.rad2deg(np.angle(np.median(difference.real) + 1j * np.median(difference.imag))) * period / 360.0
    moved = found[1] - turned(turn, pose[1])
    angle = geometry.angular_distance(found[0], pose[0] + turn, period)
    return np.stack([angle, np.linalg.norm(moved - np.median(moved, 0), axis=1)])


def graph(neighbours=10, seed=0):
    first, second = random_pairs(COUNT, neighbours, seed)
    return first, second, np.ones(len(first))


def test_exact_pairs_give_exact_poses():
    first, second, weight = graph()
    pose = poses()
    angle, shift, agreement = synchronise(first, second, *transforms(pose, first, second), weight, COUNT)
    assert angle.shape == (COUNT,) and shift.shape == (COUNT, 2) and (angle >= -180).all() and (angle < 180).all()
    assert errors((angle, shift), pose).max() < 1e-3
    np.testing.assert_allclose(shift.mean(0), 0, atol=1e-9)
    assert agreement.min() > 0.999


def test_poses_compose_as_geometry_says():
    """The transform of a pair, and then the pose of its first image, is the pose of its second one."""
    first, second, weight = graph()
    angle, shift = transforms(poses(), first, second)
    found = synchronise(first, second, angle, shift, weight, COUNT)
    pair = angle.astype(np.float32), shift.astype(np.float32)
    through = geometry.compose(pair, (found[0][first].astype(np.float32), found[1][first].astype(np.float32)))
    assert geometry.angular_distance(np.asarray(through[0]), found[0][second]).max() < 1e-3
    # Up to a move of the common frame, which is the same for all: the shifts have the mean 0.
    np.testing.assert_allclose(np.asarray(through[1]), found[1][second], atol=2e-3)


def test_a_third_of_wrong_pairs_is_outvoted():
    first, second, weight = graph(neighbours=20)
    angle, shift = transforms(poses(), first, second)
    random = np.random.default_rng(8)
    wrong = random.permutation(len(first))[: int(0.3 * len(first))]
    angle[wrong], shift[wrong] = random.uniform(-180, 180, len(wrong)), random.uniform(-16, 16, (len(wrong), 2))
    *found, agreement = synchronise(first, second, angle, shift, weight, COUNT)
    of_angle, of_shift = errors(found, poses())
    # Wrong pairs keep a small weight, 25 / (25 + 90^2) at 90 degrees, and pull a little. An image most of whose pairs are wrong
    # cannot be helped: one of COUNT is allowed.
    assert np.median(of_angle) < 0.2 and np.sort(of_angle)[-2] < 1.0
    assert np.median(of_shift) < 0.2 and np.sort(of_shift)[-2] < 0.5
    right = np.delete(np.arange(len(first)), wrong)
    assert np.quantile(agreement[right], 0.05) > 0.9 and np.median(agreement[wrong]) < 0.01


def test_noise_is_averaged_and_weights_count():
    """Errors of 2 degrees a pair, 20 pairs an image: about 2 / sqrt(20) is left. Pairs of little weight may be quite wrong."""
    first, second, weight = graph(neighbours=20)
    angle, shift = transforms(poses(), first, second)
    random = np.random.default_rng(2)
    angle, shift = angle + 2.0 * random.standard_normal(len(angle)), shift + 0.5 * random.standard_normal(shift.shape)
    *found, _ = synchronise(first, second, angle, shift, weight, COUNT)
    of_angle, of_shift = np.sqrt(np.mean(np.square(errors(found, poses())), 1))
    assert 0.3 < of_angle < 0.65  # 2 / sqrt(20) = 0.45
    assert of_shift < 0.3  # 0.5 / sqrt(10) = 0.16 for x and y together, and the angles' part
    bad = random.random(len(angle)) < 0.5
    angle, shift = transforms(poses(), first, second)
    angle[bad], shift[bad] = random.uniform(-180, 180, bad.sum()), random.uniform(-16, 16, (bad.sum(), 2))
    found = synchronise(first, second, angle, shift, np.where(bad, 1e-6, 1.0), COUNT)
    assert errors(found[:2], poses()).max() < 0.02


@pytest.mark.parametrize("order", [2, 3])
def test_pairs_that_are_right_modulo_a_symmetry(order):
    """Each image has one of m equal poses: whichever the pairs tell, the found ones agree with it modulo 360 / m.

    A pair that is off by 360 / m degrees turns the moving image about the centre of the particle, which is that of the image
    here: images whose particles are elsewhere would move, too.
    """
    first, second, weight = graph()
    angle, _ = poses()
    pose = angle, np.zeros((COUNT, 2))
    relative, shift = transforms(pose, first, second)
    turn = np.random.default_rng(4).integers(0, order, len(first)) * (360.0 / order)
    found = synchronise(first, second, geometry.wrap_degrees(relative + turn), shift, weight, COUNT, order)
    of_angle, of_shift = errors(found[:2], pose, 360.0 / order)
    assert of_angle.max() < 1e-3 and of_shift.max() < 1e-3
    # Without being told of the symmetry there is no way to make such pairs agree.
    naive = synchronise(first, second, geometry.wrap_degrees(relative + turn), shift, weight, COUNT, 1)
    assert naive[2].mean() < 0.9


def test_the_branch_of_a_symmetry_is_chosen_as_most_pairs_say():
    """9 of 10 pairs are right on the full circle: then so are all angles, and the shifts, which the branch decides."""
    first, second, weight = graph(neighbours=20)
    pose = poses()
    angle, shift = transforms(pose, first, second)
    off = np.random.default_rng(6).random(len(first)) < 0.1
    found = synchronise(first, second, geometry.wrap_degrees(angle + 180.0 * off), shift, weight, COUNT, 2)
    assert errors(found[:2], pose).max() < 1e-2
    assert found[2][off].max() < 0.01 and found[2][~off].min() > 0.99


@pytest.mark.parametrize(("count", "neighbours"), [(2, 10), (3, 10), (16, 10), (200, 10), (200, 40), (50, 1)])
def test_random_pairs_connect_all_images_once(count, neighbours):
    first, second = random_pairs(count, neighbours, 5)
    assert first.dtype == second.dtype == np.int32 and (first < second).all() and first.min() == 0 and second.max() == count - 1
    assert len(set(zip(first.tolist(), second.tolist(), strict=True))) == len(first)
    group = np.arange(count)  # the smallest image that each is connected with
    for _ in range(count):
        for one, other in ((first, second), (second, first)):
            np.minimum.at(group, one, group[other])
    assert (group == 0).all()
    degree = np.bincount(first, minlength=count) + np.bincount(second, minlength=count)
    wanted = 2 * max(1, neighbours // 2)
    assert degree.max() <= wanted and degree.min() >= min(2, count - 1)
    if count > 5 * neighbours:
        assert degree.mean() > 0.85 * wanted  # a pair that comes twice is dropped
    again = random_pairs(count, neighbours, 5)
    np.testing.assert_array_equal(again, (first, second))
    if count > 3:
        other = random_pairs(count, neighbours, 6)
        assert len(other[0]) != len(first) or (other[0] != first).any()

"""Refinement against pictures whose transforms are exact: error, error bars, sizes, what is not the same picture."""

import numpy as np
import pytest

from pipelines.geometry import frames
from udl_tf.registration.pyramid import Pyramid
from udl_tf.registration.refinement import refine


def start_of(truth, seed=0):
    random = np.random.default_rng(seed)
    return truth[0] + random.normal(0.0, 0.3), truth[1] + random.normal(0.0, 1.0, 2)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_clean_pair_is_known_to_thousandths_of_a_pixel(views, k):
    pictures, truth = views
    found = refine(Pyramid(pictures[0]), Pyramid(pictures[k]), *start_of(truth[k]))
    assert frames.error(found.angle, found.shift, truth[k], (200, 240)) < 0.004
    assert found.level == 0 and found.correlation > 0.999 and found.agreement > 8.0


def test_an_integer_crop_is_known_to_ten_thousandths(scene):
    large = scene.seen(0.0, (0.0, 0.0), (220, 260))
    fixed, moving = large[3:193, 7:247], large[10:200, 2:242]
    found = refine(Pyramid(fixed), Pyramid(moving), 0.2, np.array([-4.0, 8.0]))
    assert np.abs([found.angle, *(found.shift - [-5.0, 7.0])]).max() < 1e-3


def test_gain_offset_and_type_of_number_do_not_matter(views):
    pictures, truth = views
    moving = (60000 - 200 * pictures[1]).astype(np.uint16)  # a negative is not looked for ...
    negative = refine(Pyramid(pictures[0]), Pyramid(moving), *truth[1])
    assert negative is None or negative.agreement < 0.0
    moving = (2000 + 200 * pictures[1]).astype(np.uint16)  # ... but any scale is
    found = refine(Pyramid(pictures[0]), Pyramid(moving), *start_of(truth[1]))
    assert frames.error(found.angle, found.shift, truth[1], (200, 240)) < 0.004


def test_frames_of_two_sizes(views):
    pictures, truth = views
    top, left, height, width = 40, 30, 130, 150
    part = pictures[1][top : top + height, left : left + width]
    middle = np.array([left + (width - 1) / 2, top + (height - 1) / 2]) - frames.centre((200, 240))
    expected = truth[1][0], frames.turned(truth[1][0], middle) + truth[1][1]
    found = refine(Pyramid(pictures[0]), Pyramid(part), expected[0] + 0.3, expected[1] + 1.0)
    assert frames.error(found.angle, found.shift, expected, (200, 240)) < 0.01


def test_what_moved_by_itself_has_little_say(views):
    pictures, truth = views
    moving = pictures[1].copy()
    moving[60:120, 70:140] = np.random.default_rng(1).uniform(0, 255, (60, 70))
    found = refine(Pyramid(pictures[0]), Pyramid(moving), *start_of(truth[1]))
    assert frames.error(found.angle, found.shift, truth[1], (200, 240)) < 0.02


def test_error_bars_hold_what_they_say_under_noise(views):
    pictures, truth = views
    random, away = np.random.default_rng(5), []
    for _ in range(20):
        pair = [Pyramid(picture + random.normal(0.0, 40.0, picture.shape)) for picture in pictures[[0, 1]]]
        found = refine(*pair, *start_of(truth[1]))
        error = np.array([found.angle - truth[1][0], *(found.shift - truth[1][1])])
        away.append(error / np.sqrt(np.diag(found.covariance)))
    away = np.array(away)
    # Of 60 standardised errors the mean square is 1 +- 0.18, and 95 % lie within 1.96.
    assert 0.5 < np.mean(away**2) < 1.6
    assert np.mean(np.abs(away) < 1.96) > 0.86


def test_two_strangers_do_not_agree(views, scene):
    from pipelines.pictures.scenes import Scene

    other = Scene(240, seed=8).seen(0.0, (0.0, 0.0), (200, 240))
    found = refine(Pyramid(views[0][0]), Pyramid(other), 3.0, np.array([2.0, 1.0]))
    assert found is None or found.agreement < 3.5


def test_frames_that_do_not_meet_give_nothing(views):
    assert refine(Pyramid(views[0][0]), Pyramid(views[0][1]), 0.0, np.array([400.0, 0.0])) is None

"""Planted faults are found, good sections are left alone, and what is made in their place is what it says it is."""

import cv2
import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.pictures.section_faults import FAULTS, plant
from pipelines.pictures.tissue import made_volume
from udl_tf.choices import FILLINGS
from udl_tf.volumes.between import Between, all_between, between, learn_trust
from udl_tf.volumes.faults import find_faults
from udl_tf.volumes.filling import METHODS, Filling
from udl_tf.volumes.section_checks import check_sections, out_of_line
from udl_tf.volumes.weights import learn_weights


@pytest.fixture(scope="module")
def good():
    return made_volume(40, (144, 144), seed=31, step=2.0)


def test_no_alarm_in_good_sections(good):
    assert find_faults(lambda number: good[number], len(good)) == {}


@pytest.mark.parametrize("seed", [1, 2])
def test_every_kind_of_fault_is_found(good, seed):
    numbers = [3, 9, 15, 21, 27, 33]
    volume, names = plant(good, numbers, seed)
    assert names == list(FAULTS)
    found = find_faults(lambda number: volume[number], len(volume))
    assert list(found) == numbers
    said = dict(zip(names, found.values()))
    assert said["zero"] == "shows nothing" and said["half black"] == "partly lost" and said["blurred"] == "blurred"
    assert said["duplicated"] == "the same as the one before"
    assert said["torn"] == said["folded"] == "torn, folded or dirty: unlike its neighbours"


def test_a_pale_section_has_another_contrast(good):
    volume = good.copy()
    volume[12] = (volume[12] * 0.4 + 100).astype(np.uint8)
    found = find_faults(lambda number: volume[number], len(volume))
    assert set(found) == {12}


def test_checks_count_what_they_say():
    section = np.random.default_rng(0).normal(100, 10, (48, 96)).astype(np.float32)
    lost = section.copy()
    lost[:24, :48] = 0  # two of eight blocks
    pair = [section, lost, section]
    checks = check_sections(lambda number: pair[number], 3)
    assert checks.flat.tolist() == [0.0, 0.25, 0.0]
    assert checks.change[0] == np.inf and checks.change[1] == pytest.approx(np.abs(section - lost).mean())
    assert checks.contrast[0] == pytest.approx(section.std())
    assert checks.unlike[0] == 0.0  # the third is the same


def test_out_of_line_is_beside_what_is_usual_there():
    values = np.linspace(0, 1, 50) + 0.001 * np.random.default_rng(1).normal(size=50)
    values[20] += 1.0
    over = out_of_line(values, 0.1)
    assert over[20] > 5 and np.abs(np.delete(over, 20)).max() < 1.0


def test_between_moves_along_the_flow():
    """A pattern that runs by 6 pixels: a quarter of the way it has moved by 1.5, where a mean would show it twice."""
    wave = np.random.default_rng(2).normal(size=(9, 9))
    large = cv2.resize(wave, (260, 200), interpolation=cv2.INTER_CUBIC).astype(np.float32) * 40 + 120
    x, y = np.meshgrid(np.arange(180, dtype=np.float32), np.arange(160, dtype=np.float32))
    first, second, truth = (cv2.remap(large, x + 20 + away, y + 20, cv2.INTER_CUBIC) for away in (0.0, 6.0, 1.5))
    made, inner = between(first, second, 0.25), np.s_[20:-20, 20:-20]
    error, mixed = (np.abs(one[inner] - truth[inner]).mean() for one in (made.section, 0.75 * first + 0.25 * second))
    assert error < 0.25 * mixed
    assert np.array_equal(all_between(first, second, 4)[0], made.section) and len(all_between(first, second, 4)) == 3
    assert np.array_equal(between(first, first).section, first) and between(first, first).difference.max() == 0.0


def test_trust_is_learned_from_errors():
    rng = np.random.default_rng(3)
    difference = np.abs(rng.normal(0, 10, (200, 200))).astype(np.float32)
    truth = rng.normal(0, np.sqrt(3.0**2 + (0.8 * difference) ** 2))
    found = learn_trust([Between(np.zeros_like(difference), difference)], [truth])
    assert found.floor == pytest.approx(3.0, abs=0.5) and found.slope == pytest.approx(0.8, abs=0.04)


def test_names_before_tensorflow_are_those_that_there_are():
    assert tuple(METHODS) == FILLINGS


def test_weights_are_those_that_made_the_section():
    """A section that is a filtered mixture of two images: its weights are found again."""
    rng = np.random.default_rng(6)
    images = [np.float32(rng.normal(100, 20, (90, 90))) for _ in range(2)]
    truth = 0.6 * images[0] + 0.4 * np.roll(images[1], 1, 1)  # what lies one pixel to the left
    found = learn_weights([(images, truth)])
    assert found.kernels[0, 3, 3] == pytest.approx(0.6, abs=0.02) and found.kernels[1, 3, 2] == pytest.approx(0.4, abs=0.02)
    assert np.abs(found.kernels).sum() < 1.2
    assert np.abs(found.mixed(images) - truth)[4:-4, 4:-4].mean() < 0.6


def test_learned_weights_come_nearer(good):
    """Half of the volume is learned from, sections of the other half are made again."""
    learned = Filling(lambda number: good[number], 40, [], "linear", range(20))
    flow = Filling(lambda number: good[number], 40, [], "flow", range(20))
    errors = [[np.square(one.again(k).section - good[k]).mean() for k in (26, 31, 36)] for one in (learned, flow)]
    assert np.mean(errors[0]) < 0.85 * np.mean(errors[1])


@pytest.mark.parametrize("method", METHODS)
def test_what_is_made_is_near_the_truth_and_says_how_near(good, method):
    filling = Filling(lambda number: good[number], 40, [7, 20, 21], method)
    assert (filling.make(7).before, filling.make(7).after) == (6, 8)
    assert [(one.before, one.after) for one in map(filling.make, (20, 21))] == [(19, 22)] * 2
    for number in (7, 20):
        one = filling.make(number)
        error = one.section - good[number]
        assert np.square(error).mean() < 0.6 * np.square(good[number] - np.float32(good[number - 2])).mean()
        assert 0.9 < np.mean(np.abs(error) < 1.96 * one.sigma) <= 0.995


def test_at_an_end_the_nearest_is_copied(good):
    one = Filling(lambda number: good[number], 40, [0, 1]).make(0)
    assert (one.before, one.after) == (None, 2) and np.array_equal(one.section, np.float32(good[2]))
    assert one.sigma.min() > 10
    with pytest.raises(InputError, match="all 40 sections are to be made"):
        Filling(lambda number: good[number], 40, range(40))

import dataclasses

import numpy as np
import pytest

from pipelines.errors import InputError
from udl_tf.classification import outputs
from udl_tf.classification.class_sums import averages_of, class_sums
from udl_tf.classification.class_table import ClassTable
from udl_tf.classification.particle_images import smaller


def table(label, evidence, junk, junk_class):
    n, k = len(label), len(junk_class)
    return ClassTable(
        label=np.array(label),
        psi=np.zeros(n),
        offset=np.zeros((n, 2)),
        evidence=np.array(evidence, float),
        probability=np.ones(n),
        usable=np.ones(n, bool),
        junk=np.array(junk),
        averages=np.arange(k)[:, None, None] * np.ones((1, 4, 4)),
        resolution=np.arange(k) + 10.0,
        curves=np.zeros((k, 3)),
        junk_class=np.array(junk_class),
        threshold=0.0,
        confusion=np.eye(k),
    )


def test_classes_are_sorted_by_size_with_junk_at_the_end():
    told = table([0, 1, 1, 1, 2, 2, 2, 2], [5] * 8, [False] * 4 + [True] * 4, [False, False, True])
    found = told.ordered(told.order())
    assert found.counts.tolist() == [3, 1, 4]
    assert found.junk_class.tolist() == [False, False, True]
    assert found.label.tolist() == [1, 0, 0, 0, 2, 2, 2, 2]
    assert found.averages[:, 0, 0].tolist() == [1, 0, 2]
    assert found.resolution.tolist() == [11, 10, 12]


def test_classes_without_members_are_left_out():
    told = table([2, 2, 0], [5, 5, 5], [False] * 3, [False, True, False])
    found = told.ordered(told.order())
    assert found.label.tolist() == [0, 0, 1] and found.counts.tolist() == [2, 1] and found.resolution.tolist() == [12, 10]


def test_particles_told_to_be_junk_do_not_count():
    assert table([0, 0, 1], [5, -1, 5], [False, True, False], [False, False]).counts.tolist() == [1, 1]


def test_the_junk_score_is_the_evidence_of_the_particle_and_of_its_class():
    told = table([0, 0, 1], [4, 2, 1], [False] * 3, [False, False])
    np.testing.assert_allclose(told.junk_score, [-7.0, -5.0, -2.0])


def test_selections():
    told = table([0, 0, 1], [5, -1, 5], [False, True, False], [False, False])
    assert outputs.chosen("good", told).tolist() == [True, False, True]
    assert outputs.chosen("2", told).tolist() == [False, False, True]
    assert outputs.chosen(None, told) is None
    with pytest.raises(InputError, match="there is no class 3, expected 1 to 2"):
        outputs.chosen("1,3", told)
    with pytest.raises(InputError, match="expected good, or numbers"):
        outputs.chosen("best", None)
    told = dataclasses.replace(told, usable=np.array([False, True, True]))
    assert outputs.chosen("1", told).tolist() == [False, True, False]


def test_an_average_is_the_view_brought_upright():
    """Four turns of one image, each with its pose, give the image back."""
    y, x = np.mgrid[:32, :32] - 16
    view = np.exp(-((x - 5) ** 2 + y**2) / 8) + 0.5 * np.exp(-(x**2 + (y + 6) ** 2) / 12)
    images, psi = [], np.array([0.0, 90.0, 180.0, 270.0] * 2)
    for turn in psi:
        c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        u, v = c * x - s * y, s * x + c * y
        images.append(np.exp(-((u - 5) ** 2 + v**2) / 8) + 0.5 * np.exp(-(u**2 + (v + 6) ** 2) / 12))
    images = np.array(images, np.float32)
    half = np.arange(8) // 4
    sums = class_sums(images, None, np.zeros(8, int), psi, np.zeros((8, 2)), half, 1)
    averages, resolution, _ = averages_of(*sums, outputs.mask_of(32, 14), 2.0)
    assert np.corrcoef(averages[0].ravel(), view.ravel())[0, 1] > 0.999
    assert resolution[0] == pytest.approx(4.0)  # both halves are the same: as fine as the pixels


def test_smaller_images_keep_their_centre_and_level():
    y, x = np.mgrid[:96, :96] - 48
    small = smaller(np.exp(-(x**2 + y**2) / 128.0)[None].astype(np.float32), 64)[0]
    y, x = np.mgrid[:64, :64] - 32
    np.testing.assert_allclose(small, np.exp(-((1.5 * x) ** 2 + (1.5 * y) ** 2) / 128.0) * 1.0, atol=2e-3)


def test_each_class_and_half_gets_the_sum_of_its_own_particles():
    images = np.random.default_rng(1).normal(size=(6, 16, 16)).astype(np.float32)
    label, half = np.array([1, 0, 1, -1, 1, 0]), np.array([0, 1, 0, 1, 1, 0])
    nothing = np.zeros(6), np.zeros((6, 2))  # no turn, no shift about RELION's origin: images as they are
    numerator, denominator = class_sums(images, None, label, *nothing, half, 2)
    expected = [[images[5], images[0] + images[2]], [images[1], images[4]]]
    np.testing.assert_allclose(numerator, expected, atol=1e-5)
    np.testing.assert_array_equal(denominator[:, :, 0], [[1, 2], [1, 1]])

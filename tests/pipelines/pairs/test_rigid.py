"""Pairs: their truth against positions known without any warp, what is left out, and that a seed decides everything."""

import numpy as np
import tensorflow as tf

from pipelines import noise, pairs
from pipelines.files.source import ArraySource
from pipelines.noise import Noise
from pipelines.pairs.stack_pools import Pools
from pipelines.pictures import ArrayPictures, dead_leaves

SIZE = 48
CLEAN = Noise()


def spots(positions, size=SIZE):
    """Images (n, size, size) of one bright spot each, at (x, y) pixels from the centre, on a background of 5."""
    x, y = np.meshgrid(np.arange(size) - (size - 1) / 2, np.arange(size) - (size - 1) / 2)
    positions = np.asarray(positions, np.float64)[:, :, None, None]
    return (5.0 + np.exp(-((x - positions[:, 0]) ** 2 + (y - positions[:, 1]) ** 2) / 8.0)).astype(np.float32)


def position(images):
    """Where the spot of each image is: (n, 2) pixels from the centre."""
    weight = np.asarray(images, np.float64) - np.median(images, axis=(1, 2), keepdims=True)
    weight = np.where(weight > 0.05 * weight.max((1, 2), keepdims=True), weight, 0.0)
    x = np.arange(images.shape[2]) - (images.shape[2] - 1) / 2
    y = np.arange(images.shape[1]) - (images.shape[1] - 1) / 2
    moments = np.stack([weight.sum(1) @ x, weight.sum(2) @ y], -1)
    return moments / weight.sum((1, 2))[:, None]


def moved(angle, shift, points):
    """Points (n, 2) turned counter-clockwise and shifted: with y up a turn multiplies x + iy by exp(i angle)."""
    z = np.exp(1j * np.deg2rad(angle)) * (points[:, 0] - 1j * points[:, 1])
    return np.stack([z.real, -z.imag], -1) + shift


def assert_truth(inputs, truth, tolerance=0.1):
    found = moved(truth["angle"], truth["shift"], position(inputs["moving"]))
    np.testing.assert_allclose(found, position(inputs["fixed"]), atol=tolerance)


def assert_same(one, other):
    tf.nest.map_structure(np.testing.assert_array_equal, one, other)


def test_simulated_truth_brings_moving_onto_fixed():
    made = pairs.simulated(spots([(9, 0), (0, -6), (-7, 7)]), CLEAN, 64, seed=5, max_shift=6.0)
    inputs, truth = pairs.collect(made, 128)
    assert inputs["fixed"].shape == inputs["moving"].shape == (128, SIZE, SIZE) and truth["shift"].shape == (128, 2)
    assert_truth(inputs, truth)
    assert np.histogram(truth["angle"], 4, (-180, 180))[0].min() > 15
    # Each image alone is moved by at most 6 pixels along each axis, from one of the three places turned.
    distance = np.hypot(*position(inputs["moving"]).T)
    assert distance.max() < np.hypot(7, 7) + np.hypot(6, 6) + 0.1 and distance.min() < 3
    np.testing.assert_allclose(inputs["fixed"].mean((1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(inputs["fixed"].std((1, 2)), 1, atol=1e-3)


def test_noise_is_fresh_in_every_image():
    made = pairs.simulated(spots([(0, 0)]), Noise("gaussian", 0.01), 32, seed=5)
    inputs, _ = pairs.collect(made, 32)
    stack = np.concatenate([inputs["fixed"], inputs["moving"]]).reshape(64, -1)
    between = np.corrcoef(stack) - np.eye(64)
    assert np.abs(between).max() < 0.12  # standard error 1/48 of 2304 pixels, and a signal of 1 %


def test_the_seed_decides():
    def made(seed):
        return pairs.simulated(spots([(9, 0), (0, -6)]), Noise("gaussian", 0.5), 8, seed)

    dataset = made(1)
    first = pairs.collect(dataset, 24)
    assert_same(first, pairs.collect(dataset, 24))
    assert_same(first, pairs.collect(made(1), 24))
    other = pairs.collect(made(2), 24)
    assert np.abs(first[1]["angle"] - other[1]["angle"]).min() > 0
    assert len(set(np.round(first[1]["angle"], 3))) == 24  # batches differ


def test_stack_truth_goes_through_the_reference():
    rng = np.random.default_rng(0)
    angle, shift = rng.uniform(-180, 180, 30), rng.uniform(-4, 4, (30, 2))
    reference = np.array([8.0, -5.0])
    # The pose brings the image onto the reference, so its own spot is where the inverse takes the reference's.
    where = moved(-angle, 0.0, np.tile(reference, (30, 1)) - shift)
    source = ArraySource(spots(where))
    rows = np.arange(0, 30, 2)
    made = pairs.from_stack(Pools(source, rows, SIZE, 0), 16, 3, (angle, shift))
    inputs, truth = pairs.collect(made, 160)
    assert_truth(inputs, truth)
    used = position(inputs["fixed"])
    assert np.min(np.hypot(*(used - position(inputs["moving"])).T)) > 0.1  # never an image with itself
    nearest = np.argmin(np.hypot(*np.moveaxis(used[:, None] - where[None], -1, 0)), 1)
    assert set(nearest) == set(rows)


def test_a_stack_without_truth():
    source = ArraySource(spots([(9, 0), (0, -6), (1, 7)]))
    made = pairs.from_stack(Pools(source, np.arange(3), SIZE, 0), 16, 3)
    inputs, truth = pairs.collect(made, 40)
    assert np.isnan(truth["angle"]).all() and np.isnan(truth["shift"]).all()
    assert np.isfinite(inputs["fixed"]).all()
    assert_same(inputs, pairs.collect(made, 40)[0])


def test_photo_truth_brings_moving_onto_fixed():
    crops = tf.data.Dataset.from_tensors(spots([(6, 0), (0, -5), (-4, 4), (3, 3)], 100)).repeat()
    made = pairs.from_photos(crops, lambda images, seed: images, 7, patch=48, max_shift=5.0)
    inputs, truth = pairs.collect(made, 40)
    assert inputs["fixed"].shape == (40, 48, 48)
    assert_truth(inputs, truth)
    assert_same((inputs, truth), pairs.collect(made, 40))
    assert len(set(np.round(truth["angle"], 3))) == 40


def test_background_becomes_zero():
    image = np.full((1, 5, 5), 7.0)
    image[0, 0, :2] = 100.0  # less than half of the border
    image[0, 2, 2] = 9.0
    found = pairs.without_background(np.concatenate([image, image + 3.0]))
    assert found.dtype == np.float32 and found[0, 2, 2] == 2.0 and found[0, 4, 4] == 0.0 and found[0, 0, 0] == 93.0
    np.testing.assert_array_equal(found[0], found[1])


def test_collect_stops_at_the_count():
    dataset = tf.data.Dataset.range(5).map(lambda n: ({"fixed": [n, n]}, {"angle": [2 * n, 2 * n + 1]}))
    inputs, truth = pairs.collect(dataset, 5)
    assert inputs["fixed"].tolist() == [0, 0, 1, 1, 2] and truth["angle"].tolist() == [0, 1, 2, 3, 4]
    assert len(pairs.collect(dataset, 99)[1]["angle"]) == 10


def test_simulated_pairs_begin_anywhere():
    images = spots([(9, 0), (0, -6)])
    whole = list(pairs.simulated(images, Noise("gaussian", 0.5), 4, 7).take(5).as_numpy_iterator())
    late = list(pairs.simulated(images, Noise("gaussian", 0.5), 4, 7, start=3).take(2).as_numpy_iterator())
    for expected, found in zip(whole[3:], late, strict=True):
        assert_same(found, expected)


def test_pairs_of_photos_begin_anywhere():
    pictures = dead_leaves.dead_leaves(5, 128, seed=1)
    pictures[1] = 7.0  # no texture: another photo takes its place

    def batches(start, count):
        crops = ArrayPictures(pictures, 3, 48, 5.0, seed=2).crops(start)
        made = pairs.from_photos(crops, lambda images, seed: noise.gaussian(images, 0.5, seed), 7, 48, 5.0, start)
        return list(made.take(count).as_numpy_iterator())

    whole = batches(0, 8)
    assert len({float(angle) for _, truth in whole for angle in truth["angle"]}) == 24
    for start in (1, 2, 6):
        for expected, found in zip(whole[start:], batches(start, 2), strict=False):
            assert_same(found, expected)

"""Pools of a stack: which images, in which order, how many at a time, and from any point on."""

import itertools

import numpy as np
import pytest

from pipelines import pairs
from pipelines.errors import InputError
from pipelines.files.source import ArraySource
from pipelines.pairs.stack_pools import Pools


def noise_images(count, side=16, seed=5):
    return np.random.default_rng(seed).normal(size=(count, side, side)).astype(np.float32)


def test_unusable_images_are_left_out():
    images = noise_images(8, 16)
    images[2, 5, 5], images[3, 0, 0] = np.nan, np.inf
    images[6] = 4.0
    (kept, indices), *_ = Pools(ArraySource(images), np.arange(1, 8), 16, 0).starting().take(1)
    assert indices.numpy().tolist() == [1, 4, 5, 7]
    np.testing.assert_allclose(kept, images[[1, 4, 5, 7]], atol=1e-5)
    (kept, _), *_ = Pools(ArraySource(images), np.arange(1, 8), 24, 0).starting().take(1)
    assert kept.shape == (4, 24, 24)


@pytest.mark.parametrize("count", [0, 1])
def test_no_pair_without_two_usable_images(count):
    images = np.ones((5, 16, 16), np.float32)
    images[:count, 0, 0] = 2.0
    with pytest.raises(InputError, match=f"{count} of 5 image.*at least 2"):
        Pools(ArraySource(images), np.arange(5), 16, 0)


class Counted(ArraySource):
    """Images whose grey values are their index; remembers how many are read at a time."""

    def __init__(self, count):
        pattern = np.array([[0.0, 1.0], [0.25, 0.5]], np.float32)
        super().__init__(np.arange(count, dtype=np.float32)[:, None, None] + pattern)
        self.most = 0

    def read(self, indices):
        images = super().read(indices)
        self.most = max(self.most, len(images))
        return images


def one_pass(dataset, count):
    """Indices of the pools of the first pass, and of the second, after checking that each image has its index."""
    passes, seen = [[], []], 0
    for images, indices in dataset.as_numpy_iterator():
        np.testing.assert_array_equal(images[:, 0, 0], indices)
        passes[seen // count].append(indices)
        seen += len(indices)
        if seen == 2 * count:
            return passes


@pytest.mark.parametrize(("count", "size", "pools"), [(700, 256, 3), (100, 16, 7), (600, 512, 2)])
def test_a_stack_larger_than_a_pool(count, size, pools):
    source = Counted(count + 5)
    made = Pools(source, np.arange(5, count + 5), 2, seed=3, size=size)
    assert made.size == pytest.approx(count / pools)
    first, second = one_pass(made.starting(), count)
    assert source.most <= size and len(first) == len(second) == pools
    for part in (first, second):
        np.testing.assert_array_equal(np.sort(np.concatenate(part)), np.arange(5, count + 5))
    assert np.any(np.concatenate(first) != np.concatenate(second))
    # However often it is walked through: the same order.
    again = Pools(source, np.arange(5, count + 5), 2, seed=3, size=size)
    np.testing.assert_array_equal(np.concatenate(one_pass(again.starting(), count)[0]), np.concatenate(first))
    other = one_pass(Pools(source, np.arange(5, count + 5), 2, seed=4, size=size).starting(), count)[0]
    assert np.any(np.concatenate(other) != np.concatenate(first))
    # From any point on: what would have come there.
    expected = [*first, *second]
    for start in (1, pools - 1, pools, pools + 1):
        found = next(made.starting(start).as_numpy_iterator())[1]
        np.testing.assert_array_equal(found, expected[start])


def test_a_pool_without_a_pair_is_replaced():
    images = noise_images(40)
    images[8:31] = 1.0  # of the pools of eight, two are constant and one has a single image left
    made = Pools(ArraySource(images), np.arange(40), 16, seed=0, size=8)
    found = [indices for _, indices in made.starting().take(5).as_numpy_iterator()]
    assert [len(indices) for indices in found] == [8] * 5
    assert set(np.concatenate(found)) == {*range(8), *range(32, 40)}


def test_pairs_of_a_streamed_stack_stay_within_their_pool():
    pools = Pools(Counted(100), np.arange(100), 2, seed=3, size=20)
    first = next(pools.starting().as_numpy_iterator())[1]
    poses = np.arange(100.0), np.zeros((100, 2))  # a pose that tells the image
    angles = [truth["angle"] for _, truth in itertools.islice(pairs.from_stack(pools, 10, 0, poses), 2)]
    possible = {(j - i + 180.0) % 360.0 - 180.0 for i in first for j in first if i != j}
    assert {round(float(angle)) for angle in np.concatenate(angles)} <= possible


@pytest.mark.parametrize("size", [100, 20])
def test_pairs_begin_anywhere(size):
    pools = Pools(Counted(100), np.arange(100), 2, seed=3, size=size)
    poses = np.arange(100.0), np.zeros((100, 2))

    def angles(start, count):
        made = pairs.from_stack(pools, 8, 1, poses, start)
        return [truth["angle"].numpy() for _, truth in made.take(count)]

    expected = angles(0, 30)  # more than a pass
    for start in (1, 2, 13, 27):
        np.testing.assert_array_equal(angles(start, 3), expected[start : start + 3])


def test_images_left_out_of_a_pool_are_named(caplog):
    images = noise_images(12)
    images[3, 2, 2], images[7] = np.nan, 1.0
    for size in (12, 4):  # in one piece, and in blocks
        caplog.clear()
        walk = Pools(ArraySource(images), np.arange(1, 12), 16, 0, size).starting()
        seen = np.concatenate([indices for _, indices in walk.take(1 if size == 12 else 3).as_numpy_iterator()])
        assert sorted(seen) == [1, 2, 4, 5, 6, 8, 9, 10, 11]
        said = " ".join(caplog.messages)
        assert "3 not finite" in said and "7 constant" in said

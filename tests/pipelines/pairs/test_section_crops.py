"""Crops of triplets: what lies together stays together, in all sixteen ways, and a batch depends on its number alone."""

import numpy as np

from pipelines.pairs.section_crops import triplets

COUNT, HEIGHT, WIDTH, SIDE, MARGIN = 3, 20, 24, 6, 4


def numbered():
    """Sections whose values are their own places, and slices that lie a quarter below and above them."""
    sections = np.arange(COUNT * HEIGHT * WIDTH, dtype=np.float32).reshape(COUNT, HEIGHT, WIDTH)
    return np.stack([sections - 0.25, sections + 0.25], -1), sections


def batches(count, start=0):
    return list(triplets(*numbered(), SIDE, 5, seed=3, start=start, margin=MARGIN).take(count).as_numpy_iterator())


def test_slices_lie_around_their_section():
    ways = set()
    for batch in batches(40):
        slices, section = batch["slices"], batch["section"]
        assert slices.shape == (5, SIDE + 2 * MARGIN, SIDE + 2 * MARGIN, 2) and section.shape == (5, SIDE, SIDE)
        inner = slices[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
        np.testing.assert_array_equal(inner.mean(-1), section)
        for one, around in zip(section, inner):
            down, right = np.diff(one, axis=0), np.diff(one, axis=1)
            assert np.ptp(down) == np.ptp(right) == 0
            assert sorted(np.abs([down[0, 0], right[0, 0]])) == [1, WIDTH]
            ways.add((down[0, 0], right[0, 0], around[0, 0, 0] < one[0, 0]))
    assert len(ways) == 16  # two axes, two directions of each, front or back first


def test_no_crop_leaves_its_section():
    slices = np.concatenate([batch["slices"] for batch in batches(40)])
    low, high = (np.rint(of(slices, axis=(1, 2, 3))).astype(int) for of in (np.min, np.max))
    assert np.array_equal(low // (HEIGHT * WIDTH), high // (HEIGHT * WIDTH)) and set(low // (HEIGHT * WIDTH)) == {0, 1, 2}
    assert (high - low == (SIDE + 2 * MARGIN - 1) * (WIDTH + 1)).all()


def test_a_batch_depends_on_its_number_alone():
    late, whole = batches(1, start=3)[0], batches(4)
    assert np.array_equal(late["slices"], whole[3]["slices"]) and not np.array_equal(late["slices"], whole[2]["slices"])

"""Sections thinned along one axis: places of what is seen and of what is to be made, told by values that are places."""

import numpy as np

from pipelines.pairs.section_planes import thinned

COUNT, HEIGHT, WIDTH = 5, 40, 44
SHAPE, FIRST, FACTOR, MARGIN = (7, 6, 5), 8, 3, 2


def batches(count, start=0):
    volume = np.arange(COUNT * HEIGHT * WIDTH, dtype=np.float32).reshape(COUNT, HEIGHT, WIDTH)
    across = volume + 0.25  # what is thinned along y comes from the second array
    dataset = thinned((volume, across, volume), [1, 3], SHAPE, FIRST, 1, FACTOR, 4, 5, start, MARGIN)
    return list(dataset.take(count).as_numpy_iterator())


def test_planes_lie_where_the_sections_say():
    ways = set()
    for batch in batches(40):
        seen, made = batch["sections"], batch["planes"]
        assert seen.shape == (4, 7, 5 + 2 * MARGIN, 3) and made.shape == (4, 6, 5)
        for sections, planes in zip(seen, made):
            middle = sections[..., 1]
            quarter = middle[0, 0] % 1
            assert middle[0, 0] // (HEIGHT * WIDTH) in (1, 3)
            along, across = np.diff(middle, axis=0)[0, 0], np.diff(middle, axis=1)[0, 0]
            assert np.ptp(np.diff(middle, axis=0)) == np.ptp(np.diff(middle, axis=1)) == 0
            unit = {0.0: 1, 0.25: WIDTH}[quarter]  # a step along the axis that is thinned
            assert abs(along) == FACTOR * unit and abs(across) == {1: WIDTH, WIDTH: 1}[unit]
            assert np.array_equal(np.abs(sections - middle[..., None])[..., [0, 2]], np.full((7, 9, 2), HEIGHT * WIDTH))
            start = middle[0, MARGIN] - quarter + FIRST * along / FACTOR
            steps = along / FACTOR * np.arange(6)[:, None] + across * np.arange(5)
            np.testing.assert_array_equal(planes, start + steps)
            ways.add((np.sign(along), np.sign(across), unit, sections[0, 0, 0] < middle[0, 0]))
    assert len(ways) == 16


def test_a_batch_depends_on_its_number_alone():
    late, whole = batches(1, start=3)[0], batches(4)
    assert np.array_equal(late["sections"], whole[3]["sections"])
    assert not np.array_equal(late["sections"], whole[2]["sections"])

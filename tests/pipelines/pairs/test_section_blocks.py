"""Blocks of a volume: whole, turned and mirrored in all sixteen ways, of their number alone."""

import numpy as np

from pipelines.pairs.section_blocks import blocks

SHAPE = (9, 20, 24)


def some(count, start=0):
    volume = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
    return np.stack(list(blocks(volume, 4, 6, 2, 7, start).take(count).as_numpy_iterator()))


def test_blocks_are_pieces_of_the_volume():
    ways = set()
    for block in some(80).reshape(-1, 4, 6, 6):
        steps = [np.diff(block, axis=axis) for axis in range(3)]
        assert all(np.ptp(step) == 0 for step in steps)
        deep, down, right = (int(step.flat[0]) for step in steps)
        assert abs(deep) == 20 * 24 and {abs(down), abs(right)} == {1, 24}
        low = np.array(np.unravel_index(int(block.min()), SHAPE))
        assert (low + [4, 6, 6] <= SHAPE).all()
        ways.add((deep, down, right))
    assert len(ways) == 16


def test_a_batch_depends_on_its_number_alone():
    assert np.array_equal(some(1, 3)[0], some(4)[3]) and not np.array_equal(some(1, 3)[0], some(4)[2])

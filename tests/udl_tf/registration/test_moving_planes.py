"""Files as series: axes, channels, planes that move together, the common part, overlays."""

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.files.lazy import MemoryArray
from pipelines.files.transforms.table import TransformTable
from udl_tf.registration.movie import Movie
from udl_tf.registration.moving_planes import common_part, moved_planes
from udl_tf.registration.overlays import Seen, checkerboard, difference, grid, red_green

VALUES = np.random.default_rng(0).integers(0, 255, (2, 3, 4, 20, 24)).astype(np.uint8)


def test_channels_and_depths_move_with_their_time():
    movie = Movie(MemoryArray(VALUES, "ZTCYX"), channel=2)
    assert (movie.axis, movie.count, movie.size) == ("T", 3, (20, 24))
    np.testing.assert_allclose(movie.picture(1), VALUES[:, 1, 1].mean(0))
    table = TransformTable.of("abc", (20, 24), (20, 24), np.zeros(3), np.array([[0.0, 0], [2, 1], [0, 0]]))
    moved = np.stack(list(moved_planes(movie, table, fill=9))).reshape(VALUES.shape)
    assert (moved[:, [0, 2]] == VALUES[:, [0, 2]]).all()
    assert (moved[:, 1, :, 1:, 2:] == VALUES[:, 1, :, :-1, :-2]).all() and (moved[:, 1, :, 0] == 9).all()


def test_which_axis_is_the_series():
    assert Movie(MemoryArray(VALUES[0], "ZCYX")).axis == "Z"
    assert Movie(MemoryArray(VALUES[0, 0], "IYX")).count == 4
    assert Movie(MemoryArray(VALUES[0], "ZCYX"), single=True).count == 1
    colours = Movie(MemoryArray(VALUES[0, :, :3].transpose(0, 2, 3, 1), "TYXS"), channel=3)
    np.testing.assert_array_equal(colours.picture(2), VALUES[0, 2, 2])
    with pytest.raises(InputError, match="holds 4 pictures: expected one"):
        Movie(MemoryArray(VALUES[0, 0], "IYX"), single=True)
    with pytest.raises(InputError, match="--channel 5: expected 1 to 4"):
        Movie(MemoryArray(VALUES[0], "ZCYX"), channel=5)


def test_the_common_part_of_shifts_is_their_overlap():
    table = TransformTable.of("ab", (20, 30), (20, 30), np.zeros(2), np.array([[3.0, -2.0], [-4.0, 0.0]]))
    assert common_part(table) == (slice(0, 18), slice(3, 26))
    apart = TransformTable.of("a", (20, 30), (20, 30), np.zeros(1), np.array([[90.0, 0.0]]))
    rows, columns = common_part(apart)
    assert rows.start == rows.stop or columns.start == columns.stop


def test_overlays_by_hand():
    fixed, moved = np.tile(np.arange(16.0), (16, 1)), np.tile(np.arange(16.0)[::-1], (16, 1))
    y, x = np.mgrid[:16, :16].astype(np.float32)
    seen = Seen(fixed, moved, fixed, np.stack([x + 0.5, y + 3.0], -1))
    left = difference(seen)
    assert left.shape == (16, 32) and set(np.unique(left[:, 16:])) == {128} and left[0, 0] == 0 and left[0, 15] == 255
    lines = (grid(seen) == (255, 200, 0)).all(-1)  # every two pixels: places 0.5, 1.5 | 2.5, 3.5 and 3 | 4, 5
    assert not lines[0, :2].any() and lines[:, 2].all() and not lines[0, 3] and lines[1].all() and not lines[2, 3]
    seen = Seen(fixed, moved, moved, seen.places)
    board, both = checkerboard(seen), red_green(seen)
    assert board[0, 1] > board[0, 0] == 0 and board[0, 2] > board[0, 3]  # fields of two pixels: up, then down
    assert both[0, 0].tolist() == [0, 255, 0] and both[0, 15].tolist() == [255, 0, 0]

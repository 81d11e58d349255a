"""Models that are kept: named by what they depend on, whole or not there."""

import numpy as np
import tensorflow as tf

from udl_tf.tables import cache

ABOUT = {"method": "udl", "seed": 0, "scale": {"box": 64}}


def variables(*values):
    return [tf.Variable(np.float32(value)) for value in values]


def test_key_depends_on_every_value_and_not_on_the_order():
    assert cache.key(ABOUT) == cache.key(dict(reversed(ABOUT.items())))
    others = [{**ABOUT, "seed": 1}, {**ABOUT, "scale": {"box": 128}}, {**ABOUT, "method": "stn"}]
    assert len({cache.key(about) for about in (ABOUT, *others)}) == 4


def test_what_was_saved_is_loaded(tmp_path):
    cache.save(tmp_path / "models" / "key", ABOUT, variables([[1.0, 2.0]], 3.0), np.array([0.5, 0.25]), 1.5)
    empty = variables([[0.0, 0.0]], 0.0)
    found = cache.load(tmp_path / "models" / "key", empty)
    np.testing.assert_array_equal(found.losses, [0.5, 0.25])
    assert (found.seconds, found.steps) == (1.5, 2)
    np.testing.assert_array_equal(empty[0].numpy(), [[1.0, 2.0]])
    assert empty[1].numpy() == 3.0
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["key"]


def test_more_than_ten_variables_keep_their_order(tmp_path):
    cache.save(tmp_path / "key", ABOUT, variables(*range(12)), np.zeros(1), 0.0)
    found = variables(*np.zeros(12))
    cache.load(tmp_path / "key", found)
    assert [float(value) for value in found] == list(range(12))


def test_nothing_other_shapes_or_a_broken_file_is_none_and_is_written_anew(tmp_path):
    folder, wanted = tmp_path / "key", variables([1.0, 2.0])
    assert cache.load(folder, wanted) is None
    cache.save(folder, ABOUT, variables([1.0, 2.0, 3.0]), np.zeros(1), 0.0)
    assert cache.load(folder, wanted) is None
    (folder / cache.WEIGHTS).write_bytes(b"half a file")
    assert cache.load(folder, wanted) is None
    cache.save(folder, ABOUT, variables([5.0, 6.0]), np.zeros(1), 0.0)
    assert cache.load(folder, wanted) is not None
    np.testing.assert_array_equal(wanted[0].numpy(), [5.0, 6.0])

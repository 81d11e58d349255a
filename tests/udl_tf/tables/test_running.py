"""The cells of a table: their pairs follow from the seed alone."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from pipelines.geometry.transforms import Rigid
from udl_tf.rivals.registry import Rival
from udl_tf.tables import cache, protocol, running, scales

TINY = dataclasses.replace(scales.scale("small"), batch=2, train_pairs=4, test_pairs=2, sources=4)


def test_pairs_do_not_hang_on_what_ran_before(tmp_path):
    seen = []

    class Watching(Rival):
        def function(self, kind):
            return lambda problem, inputs: seen.append(inputs) or Rigid.identity(2)

    table = dataclasses.replace(protocol.table("1"), conditions=protocol.PHOTO_CONDITIONS[1:2])
    for state in (1, 2):
        tf.keras.utils.set_random_seed(state)
        list(running.cells(table, {"fourier": Watching("", {})}, TINY, None, tmp_path, 0))
    for name in ("fixed", "moving"):
        np.testing.assert_array_equal(seen[0][name], seen[1][name])


@pytest.mark.once("keys of models are Python")
def test_rows_that_learn_the_same_share_one_training(tmp_path):
    keys = {}
    for name in ("features", "1"):
        table = protocol.table(name)
        for condition in table.conditions[:2]:  # clean, and noise
            case = running.BUILDERS[table.material](table, condition, TINY, None, tmp_path, 0)
            about = running._about("udl", case, table, condition, TINY, 3, 0)
            keys.setdefault(name, set()).add(cache.key(about))
    assert len(keys["features"]) == 1 and len(keys["1"]) == 2

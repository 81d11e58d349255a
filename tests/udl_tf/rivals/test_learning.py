"""A trained method that is taken from the cache must answer as it did when it was trained."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from udl_tf.rivals import learning, udl
from udl_tf.tables import cache, cases, protocol, scales

TINY = dataclasses.replace(
    scales.scale("small"), batch=4, train_pairs=8, test_pairs=6, sources=6, steps={"particles": {"udl": 2, "supervised": 2}}
)


@pytest.mark.once("kept as arrays; each learner is trained in its own test")
def test_udl_is_kept_with_its_constant_and_answers_the_same(tmp_path):
    table = protocol.table("2", with_data=False)
    case = cases.rigid(table, table.conditions[0], TINY, None, tmp_path, seed=0)
    tf.keras.utils.set_random_seed(0)
    learner = udl.learner(case.problem)
    losses, seconds = learning.fit(learner)
    assert losses.shape == (2,) and np.isfinite(losses).all() and learner.steps == 2 and seconds > 0.0
    assert float(learner.model.bias_deg) != 0.0
    first = learner.answer(case.inputs)
    cache.save(tmp_path / "key", {}, learner.variables, losses, seconds)
    tf.keras.utils.set_random_seed(1)
    again = udl.learner(case.problem)
    assert not np.allclose(again.answer(case.inputs).angle, first.angle, atol=1e-2)
    cache.load(tmp_path / "key", again.variables)
    second = again.answer(case.inputs)
    np.testing.assert_allclose(second.angle, first.angle, atol=1e-3)
    np.testing.assert_allclose(second.shift, first.shift, atol=1e-3)
    assert first.angle.shape == (6,) and first.shift.shape == (6, 2)

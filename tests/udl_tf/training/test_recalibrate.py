"""A SavedModel is written anew around its weights."""

import json
import shutil

import numpy as np
import pytest

from udl_tf.alignment.aligner import Aligner
from udl_tf.alignment.confidence import Confidence
from udl_tf.training import confidence
from udl_tf.training.recalibrate import recalibrate


@pytest.mark.parametrize("keep", [True, pytest.param(False, marks=pytest.mark.once("the other writes and loads, too"))])
def test_what_was_learned_is_kept_and_the_error_bar_is_of_today_unless_it_is_kept(
    model_folder, picture, tmp_path, monkeypatch, keep
):
    folder = shutil.copytree(model_folder / "model" / "1", tmp_path / "1")
    hidden = ((tuple(np.linspace(-1.0, 1.0, 25)),), (2.0,))
    monkeypatch.setattr(confidence, "calibrate", lambda *_: Confidence((1.0, 0.5), (0.3,), hidden))
    fixed, moving = picture([30.0, -60.0], [[2.0, 1.0], [0.0, 0.0]]), picture([0.0, 0.0], np.zeros((2, 2)))
    before = Aligner(folder).align(fixed, moving)
    recalibrate(folder, keep)
    after = Aligner(folder).align(fixed, moving)
    np.testing.assert_allclose(after.angle, before.angle, atol=1e-4)
    np.testing.assert_allclose(after.shift, before.shift, atol=1e-4)
    # The old standard error is the raw one, the new one e times its root.
    np.testing.assert_allclose(after.sigma, before.sigma if keep else np.e * np.sqrt(before.sigma), rtol=1e-3)
    told = json.loads((folder / "assets.extra" / "config.json").read_text())["confidence"]
    assert told["score"] == (list(Confidence().score) if keep else [0.3])

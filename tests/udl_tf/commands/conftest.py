"""What the tests of the command `align` share."""

import cv2
import numpy as np
import pytest

import udl_tf
from pipelines.files.mrc import write_mrc
from udl_tf.alignment import models


@pytest.fixture
def folder(tmp_path, monkeypatch, picture, model_folder, aligner):
    """The current folder, with a pair, a stack and files that cannot be used; the model is in `run`, loaded once for all."""
    grey = [np.round(100 * picture(angle, shift, 80)[0]).astype(np.uint8) for angle, shift in ((40, (3, -2)), (0, (0, 0)))]
    cv2.imwrite(str(tmp_path / "fixed.png"), grey[0])
    cv2.imwrite(str(tmp_path / "moving.png"), grey[1])
    cv2.imwrite(str(tmp_path / "small.png"), grey[1][:60, :60])
    cv2.imwrite(str(tmp_path / "flat.png"), np.full((80, 80), 9, np.uint8))
    stack = picture(np.array([0.0, 30.0, -100.0, 170.0]), np.zeros((4, 2)), 48)
    write_mrc(tmp_path / "stack.mrcs", stack, 2.0)
    write_mrc(tmp_path / "reference.mrc", stack[0], 2.0)
    stack[2] = np.nan
    write_mrc(tmp_path / "nan.mrcs", stack, 2.0)
    (tmp_path / "truncated.mrcs").write_bytes((tmp_path / "stack.mrcs").read_bytes()[:-50])
    (tmp_path / "empty.star").write_text("")
    (tmp_path / "text.txt").write_text("no picture")
    (tmp_path / "run").symlink_to(model_folder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(udl_tf, "load", lambda name: aligner if models.find(name).samefile(aligner.path) else None)
    return tmp_path

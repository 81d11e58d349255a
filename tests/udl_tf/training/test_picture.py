"""The picture of a run is drawn whatever the run was like."""

import cv2
import numpy as np
import pytest

from udl_tf.training import picture as run_picture

IMAGES = np.random.default_rng(0).normal(size=(8, 16, 16)).astype(np.float32)
RUN = {"step": [5, 10], "loss": [0.9, 0.4], "rotation_error_deg": [9.0, 3.0]}


@pytest.mark.parametrize(
    ("history", "errors", "count"),
    [
        (RUN, {"network": np.linspace(0, 9, 50), "aligner": np.zeros(50)}, 8),
        (RUN, {"network": np.zeros(5), "aligner": np.zeros(5)}, 8),
        ({**RUN, "rotation_error_deg": []}, None, 2),  # truth unknown, fewer pairs than columns
        ({"step": [], "loss": [], "rotation_error_deg": []}, None, 8),  # interrupted at once
    ],
)
def test_a_report_of_any_run(tmp_path, history, errors, count):
    images = IMAGES[:count]
    run_picture.draw(tmp_path / "report.png", history, errors, 180.0, {"fixed": images, "moving": images}, images, "a run")
    picture = cv2.imread(str(tmp_path / "report.png"))
    assert picture.shape[0] > 600 and picture.std() > 10
    assert [item.name for item in tmp_path.iterdir()] == ["report.png"]

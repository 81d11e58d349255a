"""`python -m udl_tf.export`: a version folder that TensorFlow alone can load, and nothing half-written."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from udl_tf import export
from udl_tf.commands import run
from udl_tf.serving import warmup


def command(*arguments):
    return run(export.__doc__, export.add_args, export.main, [str(argument) for argument in arguments])


@pytest.mark.once("folders are counted without TensorFlow")
def test_versions_count_up_and_say_where_they_come_from(model_folder, tmp_path, capsys, monkeypatch):
    run_folder = tmp_path / "runs" / "mine"
    shutil.copytree(model_folder, run_folder)
    (run_folder / "metrics.json").write_text('{"bias_deg": 0.5}')
    monkeypatch.chdir(tmp_path)
    assert command("runs/mine", "--to", "served") == 0
    assert capsys.readouterr().out == "wrote served/mine/1\n"
    (tmp_path / "served" / "mine" / "7").mkdir()
    assert command("served/mine/1", "--to", "served", "--json") == 0  # what was exported may be exported again
    assert json.loads(capsys.readouterr().out) == {"folder": "served/mine/8", "name": "mine", "version": 8}
    about = json.loads((tmp_path / "served" / "mine" / "1" / "assets.extra" / "config.json").read_text())
    assert about["config"]["box"] == 64 and about["metrics"] == {"bias_deg": 0.5}
    assert about["exported"]["box"] is None and about["exported"]["tensorflow"]
    again = json.loads((tmp_path / "served" / "mine" / "8" / "assets.extra" / "config.json").read_text())
    assert again == about
    assert sorted(path.name for path in (tmp_path / "served" / "mine").iterdir()) == ["1", "7", "8"]
    small = (tmp_path / "served" / "mine" / "8" / "saved_model.pb").stat().st_size
    assert small < 1.2 * (tmp_path / "served" / "mine" / "1" / "saved_model.pb").stat().st_size


def test_warm_up_requests(exported):
    requests = warmup.read(exported / "small" / "1")
    signatures = {request.model_spec.signature_name for request in requests}
    wanted = {"serving_default", "align", "align_within", "align_to_one", "align_pairs", "align_full", "align_encoded", "warp"}
    assert signatures == wanted and {request.model_spec.name for request in requests} == {"small"}
    assert (exported / "small" / "1" / warmup.FILE).stat().st_size < 500_000 and len(requests) <= 1000


ALONE = """
import sys
import numpy as np
import tensorflow as tf

data = np.load(sys.argv[2])
served = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
found = {}
for batch in (1, 3, 257):
    rows = np.arange(batch) % len(data["fixed"])
    outputs = served(fixed=tf.constant(data["fixed"][rows]), moving=tf.constant(data["moving"][rows]))
    found.update({f"{name}{batch}": value.numpy() for name, value in outputs.items()})
assert not [name for name in sys.modules if name.split(".")[0] in ("udl_tf", "pipelines", "tensorflow_addons")], "extra"
np.savez(sys.argv[3], **found)
"""


def test_tensorflow_alone_gives_the_same(exported, aligner, pictures, tmp_path):
    np.savez(tmp_path / "in.npz", fixed=pictures[0], moving=pictures[1])
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    arguments = [exported / "small" / "1", tmp_path / "in.npz", tmp_path / "out.npz"]
    done = subprocess.run(
        [sys.executable, "-c", ALONE, *map(str, arguments)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = np.load(tmp_path / "out.npz")
    for batch in (1, 3, 257):
        rows = np.arange(batch) % 70
        result = aligner.align(pictures[0][rows], pictures[1][rows], batch=batch)
        for name in ("angle", "shift", "score", "sigma", "symmetry"):
            np.testing.assert_allclose(found[f"{name}{batch}"], getattr(result, name), rtol=1e-6, atol=1e-5)


@pytest.mark.once("the signatures are compared on both in test_signatures")
def test_saved_model_cli_shows_it(exported):
    program = pathlib.Path(sys.executable).with_name("saved_model_cli")
    shown = subprocess.run([program, "show", "--all", "--dir", exported / "small" / "1"], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    for text in ("signature_def['align_encoded']", "inputs['moving'] tensor_info", "shape: (-1, -1, -1)", "DT_STRING"):
        assert text in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "no model 'nowhere'"),
        (("MODEL", "--name", "a b"), "--name a b: expected letters"),
        (("MODEL", "--name", ".."), "--name ..: expected"),
        (("MODEL", "--box", "8"), "--box 8: expected 16 to 2048"),
        (("MODEL", "--to", "file/sub"), "cannot write"),
        (("other",), "expected a SavedModel written by udl_tf"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(model_folder, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "saved_model.pb").write_bytes(b"")
    before = sorted(tmp_path.rglob("*"))
    assert command(*(str(model_folder) if part == "MODEL" else part for part in arguments)) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1 and message in err
    assert sorted(tmp_path.rglob("*")) == before

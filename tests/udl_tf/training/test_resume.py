"""Runs that are stopped at any step, or killed at any moment, end as the unbroken one: the same weights, bit by bit."""

import dataclasses
import importlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from pipelines.files.mrc import write_mrc
from pipelines.pictures import phantoms
from udl_tf import fit
from udl_tf.commands import run
from udl_tf.networks.siamese import SiameseConfig
from udl_tf.presets import as_dict
from udl_tf.training import trainer
from udl_tf.training.checkpoints import Checkpoints
from udl_tf.training.datasets import gather
from udl_tf.training.stopping import TerminatedError

ROOT = pathlib.Path(__file__).parents[3]
SMALL_SIAMESE = SiameseConfig(
    head="direction", mask_widths=(2, 1), feature_widths=(4, 8), match_widths=(8,), dense_widths=(16,), spectrum_crop=16
)
KINDS = {
    "stack": {},  # streamed
    "photos": {  # batch norm, warm start and the paper's schedule
        "network": SMALL_SIAMESE,
        "box": 48,
        "period": 180.0,
        "material": "photos",
        "noise": "any",
        "warm_steps": 2,
        "self_pair_share": 0.25,
        "decay": "paper",
        "learning_rate": 5e-3,
    },
}


class SendAt:
    """A board that sends this process a signal after a step."""

    def __init__(self, step, number=signal.SIGTERM):
        self.at, self.number = step, number

    def open(self, model, config, gathered):
        self.begun = int(model.optimizer.iterations.numpy())

    def step(self, step, logs, busy_s, waited_s):
        if step == self.at:
            os.kill(os.getpid(), self.number)

    def point(self, step, model, measures):
        pass


def weights_of(trained):
    return [np.array(weight) for weight in trained.model.network.get_weights()]


@pytest.mark.slow("trains three times, traced anew each time")
@pytest.mark.parametrize("kind", [pytest.param("stack", marks=pytest.mark.once("the other has all of Keras")), "photos"])
def test_a_stopped_run_ends_as_the_unbroken_one(small_config, tmp_path, monkeypatch, kind):
    config = dataclasses.replace(small_config, **{"steps": 6, "batch": 8, **KINDS[kind]})
    data = None
    if kind == "stack":
        data = tmp_path / "stack.mrcs"
        images = phantoms.particles(30, 40, seed=1)
        write_mrc(data, images + np.random.default_rng(0).normal(0, 0.3, images.shape).astype(np.float32), 2.0)
        monkeypatch.setattr("pipelines.pairs.stack_pools.Pools.__init__.__defaults__", (8,))  # streamed in pools of eight
    whole = trainer.train(config, gather(config, data), verbose=0)
    folder = tmp_path / "checkpoints"
    with pytest.raises(TerminatedError, match="after step 4 of 6"):
        trainer.train(config, gather(config, data), 0, checkpoints=Checkpoints(folder), boards=[SendAt(4)])
    watcher = SendAt(None)
    pieces = trainer.train(config, gather(config, data), 0, checkpoints=Checkpoints(folder), boards=[watcher])
    assert watcher.begun == 4 and pieces.steps == 6
    for expected, found in zip(weights_of(whole), weights_of(pieces), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert pieces.history == whole.history and pieces.calibration == whole.calibration


def test_ctrl_c_ends_the_training_early_with_a_model(small_config, tmp_path):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background ignores it
    try:
        run = trainer.train(small_config, gather(small_config), 0, boards=[SendAt(2, signal.SIGINT)])
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert run.interrupted and run.steps == 2 and run.history["step"] == [1, 2] and np.isfinite(run.calibration.bias_deg)


def start(*arguments):
    """A process that trains, see the program."""
    line = [sys.executable, str(pathlib.Path(__file__).with_name("training_program.py")), *map(str, arguments)]
    return subprocess.Popen(line, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True)


@pytest.mark.once("stopping without a kill is tested beside it")
@pytest.mark.slow("a process that imports TensorFlow, and two trainings here")
def test_a_killed_process_ends_as_the_unbroken_one(tmp_path, monkeypatch):
    """A SIGKILL after step 4; another process goes on, and the end is the same to the last bit."""
    monkeypatch.syspath_prepend(str(pathlib.Path(__file__).parent))
    program = importlib.import_module("training_program")
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    process = start(broken, 4)
    assert program.main(whole) == 0
    limit = time.monotonic() + 200
    while not (broken / "waiting").exists():
        assert process.poll() is None and time.monotonic() < limit
        time.sleep(0.02)
    process.kill()
    assert process.wait(timeout=100) == -signal.SIGKILL
    (broken / "waiting").unlink()
    # The checkpoint of a step is written after its board was told: killed in between, the one before is the last.
    assert max(path.name for path in (broken / "checkpoints").glob("*.npz")) == "step-00000003.npz"
    assert not (broken / "end.npz").exists()
    assert program.main(broken) == 0
    with np.load(whole / "end.npz") as expected, np.load(broken / "end.npz") as found:
        assert set(expected.files) == set(found.files) and len(found.files) > 3
        for name in expected.files:
            np.testing.assert_array_equal(found[name], expected[name])


def test_what_cannot_be_resumed(small_config, tmp_path, capsys, monkeypatch):
    def command(*arguments):
        code = run(fit.__doc__, fit.add_args, fit.main, [str(argument) for argument in arguments])
        return code, capsys.readouterr().err

    images = phantoms.particles(9, 40, seed=1)
    write_mrc(tmp_path / "stack.mrcs", images + np.random.default_rng(0).normal(0, 0.3, (9, 40, 40)), 2.0)
    config = tmp_path / "small.json"
    config.write_text(json.dumps(as_dict(small_config)))
    monkeypatch.setattr(trainer, "train", lambda *_, **__: (_ for _ in ()).throw(TerminatedError("terminated after step 2 of 4")))
    folder = tmp_path / "run"
    code, err = command("--preset", config, "--data", tmp_path / "stack.mrcs", "--output", folder, "--json")
    assert code == 75 and err.strip() == f"terminated after step 2 of 4; go on with: python -m udl_tf.fit --resume {folder}"
    record = json.loads((folder / "config.json").read_text())
    assert record["data_fingerprint"]["files"] == 1 and record["data"] == str(tmp_path / "stack.mrcs")
    assert command("--resume", folder, "--json")[0] == 75

    def refused(*arguments):
        code, err = command(*arguments)
        assert code == 2 and err.count("\n") == 1, err
        return err

    assert "nothing: no such file or folder" in refused("--resume", tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    assert "expected the folder of a run" in refused("--resume", tmp_path / "empty")
    assert "received --steps with --resume" in refused("--resume", folder, "--steps", 9)
    (folder / "config.json").write_text(json.dumps({**record, "versions": {**record["versions"], "numpy": "0.9"}}))
    assert "numpy was 0.9 and is" in refused("--resume", folder)
    (folder / "config.json").write_text(json.dumps(record))
    images[0] += 1.0
    write_mrc(tmp_path / "stack.mrcs", images, 2.0)
    assert "the data were 1 file(s) of" in refused("--resume", folder)
    (folder / "metrics.json").write_text(json.dumps({"interrupted": False}))
    assert "is finished" in refused("--resume", folder)

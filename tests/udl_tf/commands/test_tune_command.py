"""`python -m udl_tf.tune` with real, tiny trainings: what it writes, a SIGKILL, what it refuses."""

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from pipelines.errors import InputError
from udl_tf import tune
from udl_tf.commands import run
from udl_tf.presets import PRESETS, as_dict, load
from udl_tf.tuning import trials

ROOT = pathlib.Path(__file__).parents[3]
KILLED = pytest.mark.once("a search in one process is tested in tests/udl_tf/tuning")
OPTIONS = ("--algorithm", "random", "--trials", "3", "--steps", "2")


def command(*arguments):
    return run(tune.__doc__, tune.add_args, tune.main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    config = dataclasses.replace(PRESETS["cryo-polar"], box=64, sources=4, batch=32)
    path = tmp_path_factory.mktemp("preset") / "tiny.json"
    path.write_text(json.dumps(as_dict(config)))
    return path


@pytest.fixture(scope="module")
def killed(preset, tmp_path_factory):
    """A search killed by SIGKILL in its second trial; the bytes of its first one."""
    folder = tmp_path_factory.mktemp("tune") / "search"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-m", "udl_tf.tune", "--preset", str(preset), "--directory", str(folder), *OPTIONS]
    process = subprocess.Popen(line, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        limit = time.monotonic() + 240
        while not (folder / "trials" / "trial_1" / "trial.json").exists():
            assert process.poll() is None and time.monotonic() < limit
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return folder, (folder / "trials" / "trial_0" / "config.json").read_bytes()


@pytest.fixture(scope="module")
def resumed(killed, preset):
    """The same search gone on with, and which configurations that trained."""
    folder, trained, measured = killed[0], [], trials.measured
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trials, "measured", lambda config, *a, **k: (trained.append(config), measured(config, *a, **k))[1])
        found = tune.tune(str(preset), directory=folder, algorithm="random", trials=3, steps=2)
    return found, trained


@KILLED
@pytest.mark.slow("its fixtures are a search in a process of its own and the rest of it, which the tests after it look at")
def test_a_killed_search_keeps_what_was_done_and_runs_the_rest_once(killed, resumed):
    folder, first = killed
    found, trained = resumed
    assert (folder / "trials" / "trial_0" / "config.json").read_bytes() == first
    by_number = sorted(found["trials"], key=lambda row: row["trial"])
    assert [row["status"] for row in by_number] == ["COMPLETED"] * 3
    assert trained == [load(folder / "trials" / f"trial_{number}" / "config.json") for number in (1, 2)]


@KILLED
def test_a_trial_depends_on_its_configuration_alone(killed, resumed, tmp_path):
    # The first trial ran in another process, before all others; here it runs after them.
    own = killed[0] / "trials" / "trial_0" / "config.json"
    assert trials.measured(load(own), tmp_path) == json.loads(own.read_text())["consistency_deg"]
    assert (tmp_path / "network.weights.h5").exists()


@KILLED
def test_the_best_is_a_preset_and_never_worse_than_the_one_it_began_with(killed, resumed, preset):
    found, folder = resumed[0], killed[0]
    best, start = load(found["best_config"]), next(row for row in found["trials"] if row["trial"] == 0)
    assert found["best"]["rank"] == 1 and found["best"]["consistency_deg"] <= start["consistency_deg"]
    own = load(folder / "trials" / f"trial_{found['best']['trial']}" / "config.json")
    assert dataclasses.replace(best, description=own.description) == own
    assert load(folder / "trials" / "trial_0" / "config.json") == dataclasses.replace(load(preset), steps=2)
    assert pathlib.Path(found["picture"]).read_bytes().startswith(b"\x89PNG")
    assert found["next"] == f"python -m udl_tf.fit --preset {folder / 'best.json'}"


@KILLED
def test_json_alone_on_stdout_and_the_table(resumed, killed, preset, capsys):
    assert command("--preset", preset, "--directory", killed[0], *OPTIONS, "--json") == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(resumed[0]))
    assert command("--preset", preset, "--directory", killed[0], *OPTIONS) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "3 of 3 trials done" in lines[1] and lines[2].startswith("rank trial") and lines[-1].startswith("next: ")


@KILLED
def test_a_folder_keeps_its_arguments(resumed, killed, preset):
    folder = killed[0]
    with pytest.raises(InputError, match=r"other arguments \(trials was 3, is 4, config seed was 0, is 1\)"):
        tune.tune(str(preset), directory=folder, algorithm="random", trials=4, steps=2, seed=1)
    with pytest.raises(InputError, match="algorithm was random, is hyperband"):
        tune.tune(str(preset), directory=folder, trials=3, steps=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--preset", "cryo", "--trials", "0"), "--trials: received 0, expected at least 1"),
        (("--preset", "sections-interpolation"), "a search goes by the consistency of angles, and this network tells none"),
        (("--preset", "nothing"), "unknown preset 'nothing'"),
        (("--preset", "cryo", "--data", "nowhere.mrcs"), "nowhere.mrcs"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(arguments, message, tmp_path, capsys):
    assert command(*arguments, "--directory", tmp_path / "search") == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1
    assert not (tmp_path / "search").exists()


def test_a_folder_of_something_else_is_left_alone(preset, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="is not the folder of a search"):
        tune.tune(str(preset), directory=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_all_trials_failed(preset, tmp_path, monkeypatch):
    def broken(config, folder, **options):
        raise ValueError("no good")

    monkeypatch.setattr(trials, "measured", broken)
    with pytest.raises(InputError, match="all 2 trials failed, the first with: ValueError: no good"):
        tune.tune(str(preset), directory=tmp_path / "search", algorithm="random", trials=2, steps=2)


def test_ctrl_c_says_how_to_go_on(preset, tmp_path, monkeypatch, capsys):
    def stopped(config, folder, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(trials, "measured", stopped)
    assert command("--preset", preset, "--directory", tmp_path / "search", *OPTIONS) == 130
    assert "the same command goes on" in capsys.readouterr().err

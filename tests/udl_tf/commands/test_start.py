"""How commands start: help and bad arguments are answered before TensorFlow is imported."""

import importlib
import json
import os
import pathlib
import subprocess
import sys

import pytest

from udl_tf import commands

ROOT = pathlib.Path(__file__).parents[3]

ANSWERS = """
import contextlib, importlib, io, json, sys
from udl_tf import commands

answers = []
for arguments in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = commands.console(arguments)
        except SystemExit as end:
            code = end.code
    answers.append([code, out.getvalue(), err.getvalue(), "tensorflow" in sys.modules, "pandas" in sys.modules])
print(json.dumps(answers))
"""


def answers(lists):
    """(exit code, stdout, stderr, whether TensorFlow is imported, whether pandas is) after each list, all in one new process."""
    command = [sys.executable, "-c", ANSWERS, json.dumps(lists)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(done.stdout)


def test_help_of_every_command_comes_without_tensorflow():
    given = [["--help"], *([name, "--help"] for name in commands.COMMANDS)]
    for arguments, (code, out, err, tensorflow, pandas) in zip(given, answers(given), strict=True):
        assert (code, err, tensorflow, pandas) == (0, "", False, False), arguments
        assert out.startswith(f"usage: {' '.join(['udl-tf', *arguments[:-1]])}")


BAD = {
    "no such command": (["alignn"], "invalid choice: 'alignn'"),
    "an option that is not there": (["align", "a.png", "b.png", "--sped"], "unrecognized arguments: --sped"),
    "a mistyped image": (["align", "nowhere.png", "nowhere.png"], "error: nowhere.png: no such file or folder"),
    "a mistyped stack": (["align", "nowhere.star", "--output", "a.star"], "error: nowhere.star: no such file or folder"),
    "a mistyped model": (["align", "README.md", "README.md", "--model", "cyro"], "no model 'cyro': expected one of cryo, photo"),
    "an option of stacks": (["align", "README.md", "README.md", "--report", "r"], "received MOVING with --report"),
    "an unknown preset": (["fit", "--preset", "cyro"], "unknown preset 'cyro': expected one of cryo, photo"),
    "mistyped data": (["fit", "--preset", "cryo", "--data", "nowhere"], "error: nowhere: no such file or folder"),
    "a strategy": (["fit", "--preset", "cryo", "--strategy", "all"], "invalid choice: 'all'"),
    "an algorithm": (["tune", "--preset", "cryo", "--algorithm", "luck"], "invalid choice: 'luck'"),
    "an unknown preset to tune": (["tune", "--preset", "cyro"], "unknown preset 'cyro': expected one of cryo, photo"),
    "an unknown table": (["evaluate", "--table", "9"], "9"),
    "an unknown device": (["evaluate", "--table", "1", "--device", "tpu"], "expected auto, cpu, gpu or gpu:N"),
    "a model to export": (["export", "cyro"], "no model 'cyro': expected one of cryo, photo"),
    "a port": (["serve", "--port", "70000"], "--port 70000: expected 0 to 65535"),
}


def test_bad_arguments_are_told_without_tensorflow():
    given = [arguments for arguments, _ in BAD.values()]
    for (what, (_, message)), (code, out, err, tensorflow, pandas) in zip(BAD.items(), answers(given), strict=True):
        assert (code, out, tensorflow, pandas) == (2, "", False, False), (what, err)
        assert message in err.splitlines()[-1], what


def test_help_takes_half_a_second():
    began = os.times()
    subprocess.run([sys.executable, "-m", "udl_tf.align", "--help"], cwd=ROOT, capture_output=True, check=True)
    ended = os.times()
    seconds = (ended.children_user + ended.children_system) - (began.children_user + began.children_system)
    assert seconds < 0.5  # of the processor: the clock on the wall also counts what else runs


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_a_command_is_told_in_one_sentence(name):
    module = importlib.import_module(f"udl_tf.{name}")
    assert commands.sentence(name) == module.__doc__.splitlines()[0] and len(commands.sentence(name)) < 100
    assert commands.sentence(name).endswith(".")


def test_the_console_script_is_the_command(capsys):
    assert commands.console(["export", "cyro"]) == 2
    assert capsys.readouterr().err.startswith("error: no model 'cyro'")


def test_every_command_is_listed():
    written = {path.stem for path in (ROOT / "udl_tf").glob("*.py") if '__name__ == "__main__"' in path.read_text()}
    assert written == set(commands.COMMANDS)


def test_what_is_written_down_is_how_a_command_was_called(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["udl-tf", "export", "cyro"])
    assert commands.console() == 2
    assert sys.argv[1:] == ["cyro"]

"""`python -m udl_tf.serve`: bad input, and TensorFlow Serving started where it is on the PATH (here: a stand-in)."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from udl_tf import serve
from udl_tf.commands import run
from udl_tf.serving import model_server

ROOT = pathlib.Path(__file__).parents[3]
STAND_IN = """#!/bin/sh
for argument in "$@"; do
  echo "$argument"
  case "$argument" in --model_config_file=*) cat "${argument#*=}" ;; esac
done
echo ready
trap 'echo stopping; exit 0' TERM
while :; do sleep 0.1; done
"""


def command(*arguments):
    return run(serve.__doc__, serve.add_args, serve.main, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model-base-path", "nothing"), "nothing: no models found, expected NAME/VERSION/saved_model.pb"),
        (("--batch", 0), "--batch 0: expected at least 1"),
        (("--max-side", 3), "--max-side 3: expected at least 16"),
        (("--port", 70000), "--port 70000: expected 0 to 65535"),
        (("--poll", "nan"), "--poll nan"),
    ],
)
def test_bad_input_is_one_line(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert command("--own", *arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1 and message in err


def test_the_shipped_models_are_served_by_default(tmp_path, monkeypatch):
    import saved_models

    monkeypatch.chdir(tmp_path)
    assert pathlib.Path(serve._default_models()) == pathlib.Path(saved_models.__file__).parent
    (tmp_path / "saved_models").mkdir()
    assert serve._default_models() == "saved_models"


def test_configuration_of_tensorflow_serving(exported):
    config = text_format.Parse(model_server.models_config(exported), model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == ("small", str(exported / "small"), "tensorflow")
    assert model.model_version_policy.HasField("all")


@pytest.mark.once("a program in place of TensorFlow Serving")
def test_tensorflow_serving_is_started_where_it_is_installed(exported, tmp_path):
    program = tmp_path / "bin" / "tensorflow_model_server"
    program.parent.mkdir()
    program.write_text(STAND_IN)
    program.chmod(0o755)
    environment = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    arguments = ["--model-base-path", str(exported), "--port", "7001", "--rest-port", "7002", "--poll", "3"]
    process = subprocess.Popen(
        [sys.executable, "-m", "udl_tf.serve", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    try:
        said = []
        while not said or said[-1] != "ready\n":
            said.append(process.stdout.readline())
            assert said[-1], process.stderr.read()
        assert said[:2] == ["--port=7001\n", "--rest_api_port=7002\n"] and "--file_system_poll_wait_seconds=3\n" in said
        config = next(line.strip().partition("=")[2] for line in said if line.startswith("--model_config_file="))
        assert any(f'base_path: "{exported / "small"}"' in line for line in said)
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        rest, err = process.communicate(timeout=60)
        assert process.returncode == 0 and "stopping" in rest and "all addresses" in err
        assert not pathlib.Path(config).exists()
    finally:
        process.kill()

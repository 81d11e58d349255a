"""TensorFlow Serving itself, where it is installed: the configuration it wants, and its process."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from pipelines.errors import InputError
from udl_tf.serving.repository import find

PROGRAM = "tensorflow_model_server"


def installed():
    """Path of the program, or None."""
    return shutil.which(PROGRAM)


def models_config(base, name=None):
    """Text of models.config for the models in a folder, each with all its versions.

    Args:
        base, name: see `udl_tf.serving.repository.find`.
    """
    config = model_server_config_pb2.ModelServerConfig()
    folders = {model: folder.parent.resolve() for (model, _), folder in sorted(find(base, name).items())}
    if not folders:
        raise InputError(f"{base}: no models found, expected NAME/VERSION/saved_model.pb")
    for model, folder in folders.items():
        one = config.model_config_list.config.add(name=model, base_path=str(folder), model_platform="tensorflow")
        one.model_version_policy.all.SetInParent()
    return text_format.MessageToString(config)


def run(program, settings):
    """Run TensorFlow Serving until it ends; SIGTERM is passed on to it. Returns its exit code.

    Args:
        program: path. settings: `udl_tf.serving.server.Settings`.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "models.config"
        path.write_text(models_config(settings.models, settings.name))
        flags = {
            "port": settings.port,
            "rest_api_port": settings.rest_port or 0,
            "model_config_file": path,
            "file_system_poll_wait_seconds": max(1, round(settings.poll)),
        }
        process = subprocess.Popen([program, *(f"--{key}={value}" for key, value in flags.items())], env=os.environ)
        before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
        finally:
            signal.signal(signal.SIGTERM, before)
    return 0 if code == -signal.SIGTERM else code

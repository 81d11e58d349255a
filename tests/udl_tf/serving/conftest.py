"""What the tests of serving share: an exported small model, pictures of known pose, servers to talk to."""

import dataclasses
import os
import pathlib
import subprocess
import time

import numpy as np
import pytest
import requests

import udl_tf
from udl_tf.alignment.aligner import Aligner
from udl_tf.client import AlignClient

REAL = os.environ.get("UDL_TF_MODEL_SERVER")  # a tensorflow_model_server program, or host:port[,rest port] of one with `cryo`
KINDS = ["udl_tf.serve", *(["tensorflow_model_server"] if REAL else [])]
NAMES = ("angle", "shift", "score", "sigma", "symmetry")


@dataclasses.dataclass
class Served:
    """A server, the name of its model, and the same model here."""

    address: str
    rest: str
    model: str
    aligner: Aligner

    def client(self, **options):
        return AlignClient(self.rest if options.get("rest") else self.address, self.model, **options)


def close_to(found, wanted, tolerance=1e-5):
    """Whether results agree; those of other batches differ by rounding, more than 1e-5 in the angle's last digit."""
    for name in NAMES:
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), rtol=1e-6, atol=tolerance, err_msg=name)


@pytest.fixture(scope="session")
def assert_close():
    """The function `close_to`."""
    return close_to


@pytest.fixture(scope="session")
def exported(model_folder, tmp_path_factory):
    """A folder of models that holds small/1."""
    from udl_tf.serving.exporting import export

    folder = tmp_path_factory.mktemp("models")
    export(model_folder / "model" / "1", folder / "small")
    return folder


@pytest.fixture(scope="session")
def pictures(picture):
    """Noisy pairs of 48 pixels: fixed, moving (70, 48, 48)."""
    rng = np.random.default_rng(5)
    fixed = picture(rng.uniform(-180, 180, 70), rng.uniform(-3, 3, (70, 2)), 48)
    moving = np.repeat(picture(0.0, (0.0, 0.0), 48), 70, 0)
    return [(images + rng.normal(0, 0.2, images.shape)).astype(np.float32) for images in (fixed, moving)]


@pytest.fixture(scope="session", params=KINDS)
def served(request, exported, aligner):
    """A `Served` of our own server, in this process, and of the real one where there is one."""
    if request.param == "udl_tf.serve":
        from udl_tf.serving.server import Server, Settings

        server = Server(Settings(str(exported), port=0, rest_port=0))
        yield Served(f"127.0.0.1:{server.port}", f"127.0.0.1:{server.rest_port}", "small", aligner)
        server.stop()
    elif ":" in REAL:
        address, _, rest_port = REAL.partition(",")
        rest = f"{address.rpartition(':')[0]}:{rest_port or 8501}"
        yield Served(address, rest, "cryo", udl_tf.load("cryo"))
    else:
        flags = ["--port=18500", "--rest_api_port=18501", "--model_name=small", f"--model_base_path={exported / 'small'}"]
        process = subprocess.Popen([str(pathlib.Path(REAL)), *flags])
        try:
            _wait_for("http://127.0.0.1:18501/v1/models/small")
            yield Served("127.0.0.1:18500", "127.0.0.1:18501", "small", aligner)
        finally:
            process.terminate()
            process.wait()


def _wait_for(url, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if "AVAILABLE" in requests.get(url, timeout=5).text:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.3)
    raise TimeoutError(url)

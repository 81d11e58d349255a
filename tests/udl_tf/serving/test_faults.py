"""What hostile and unlucky clients do to a server that runs as a process of its own: it answers the others, and ends well.

The tests run in order on one server; the last one ends it, under load.
"""

import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import threading
import time

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from pipelines.errors import InputError
from udl_tf.client import AlignClient

ROOT = pathlib.Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "udl_tf.serve", "--own", "--port", "0", "--rest-port", "0", "--max-batch", "64"]
PREDICT = "/tensorflow.serving.PredictionService/Predict"
MALFORMED = 2000
pytestmark = pytest.mark.once("what is sent never reaches TensorFlow; test_servers.py has requests that do")


class Process:
    """A running `python -m udl_tf.serve`."""

    def __init__(self, models, log):
        self.log = log
        with log.open("w") as stderr:
            command = [*COMMAND, "--model-base-path", str(models)]
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr, text=True)
        self.said = self.process.stdout.readline()
        words = self.said.replace(",", " ").split()
        self.address, self.rest = words[words.index("gRPC") + 1], words[-1].removeprefix("http://")

    def client(self, **options):
        return AlignClient(self.address, "small", **options)


@pytest.fixture(scope="module")
def server(exported, tmp_path_factory):
    server = Process(exported, tmp_path_factory.mktemp("log") / "stderr")
    yield server
    server.process.kill()
    server.process.wait()


@pytest.fixture(scope="module")
def wanted(aligner, pictures):
    return aligner.align(pictures[0][:2], pictures[1][:2])


@pytest.fixture(autouse=True)
def still_right(server, pictures, wanted, assert_close):
    """After each test but the last, the server aligns as before."""
    yield
    if server.process.poll() is None:
        with server.client() as client:
            assert_close(client.align(pictures[0][:2], pictures[1][:2]), wanted)


def good_request(signature, rng):
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "small", signature
    images = np.zeros((2, 16, 16), np.float32)
    data = np.array([bytes(rng.randbytes(rng.randrange(60))) for _ in range(2)], object)
    options = {"max_shift": np.float32(-1), "fast": np.bool_(False)}
    inputs = {
        "serving_default": {"fixed": images, "moving": images},
        "align_within": {"fixed": images, "moving": images, **options},
        "align_to_one": {"fixed": images[0], "moving": images},
        "align_pairs": {"images": images, "first": np.int32([0]), "second": np.int32([1]), **options},
        "align_encoded": {"fixed": data, "moving": data},
        "warp": {"images": images, "angle": np.zeros(2, np.float32), "shift": np.zeros((2, 2), np.float32)},
    }
    for name, array in inputs[signature].items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    return request


def spoil_shape(request, name, rng):
    dims = request.inputs[name].tensor_shape.dim
    size = rng.choice([-1, 0, 1, 3, 2**31, 2**62, -(2**63), 5000])
    if dims and rng.random() < 0.7:
        dims[rng.randrange(len(dims))].size = size
    else:
        for _ in range(rng.choice([1, 2, 300])):
            dims.add(size=size)


def spoil_type(request, name, rng):
    request.inputs[name].dtype = rng.choice([kind for kind in range(0, 130) if kind != request.inputs[name].dtype])


def spoil_content(request, name, rng):
    content = bytes(rng.randbytes(rng.choice([1, 3, 7, 1001])))
    request.inputs[name].tensor_content = content


def spoil_values(request, name, rng):
    tensor = request.inputs[name]
    tensor.tensor_content = b""
    tensor.float_val[:] = [0.0] * rng.choice([0, 5000])
    tensor.string_val[:] = [b"x"] * rng.choice([0, 3, 100])


def spoil_inputs(request, name, rng):
    if rng.random() < 0.5:
        del request.inputs[name]
    else:
        request.inputs["".join(chr(rng.randrange(32, 0x2000)) for _ in range(rng.randrange(50)))].CopyFrom(request.inputs[name])


def spoil_spec(request, name, rng):
    request.model_spec.signature_name = rng.choice(["x" * 5000, "../..", "\u0000", "__saved_model_init_op", "Align"])


SPOILERS = (spoil_shape, spoil_type, spoil_content, spoil_values, spoil_inputs, spoil_spec)
SIGNATURES = ("serving_default", "align_within", "align_to_one", "align_pairs", "align_encoded", "warp")


def malformed(rng):
    """Bytes of a request that is wrong in one way, or in its very bytes."""
    request = good_request(rng.choice(SIGNATURES), rng)
    kind = rng.randrange(len(SPOILERS) + 2)
    if kind < len(SPOILERS):
        SPOILERS[kind](request, rng.choice(sorted(request.inputs)), rng)
        return request.SerializeToString()
    data = bytearray(request.SerializeToString())
    if kind == len(SPOILERS):
        return bytes(data[: rng.randrange(1, len(data))])
    for _ in range(rng.randrange(1, 20)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def test_malformed_requests(server):
    """Each is refused; a few spoiled bytes may by luck leave a good request, or name another model."""
    rng = random.Random(0)
    codes = {}
    with grpc.insecure_channel(server.address) as channel:
        predict = channel.unary_unary(PREDICT)
        waiting = []
        for _ in range(MALFORMED):
            waiting.append(predict.future(malformed(rng), timeout=120))
            if len(waiting) == 16:
                count(waiting, codes)
        count(waiting, codes)
    assert sum(codes.values()) == MALFORMED
    assert set(codes) <= {"INVALID_ARGUMENT", "OK", "NOT_FOUND"}, codes
    assert codes["INVALID_ARGUMENT"] > 0.85 * MALFORMED


def count(waiting, codes):
    for call in waiting:
        name = call.code().name
        codes[name] = codes.get(name, 0) + 1
        assert len(call.details() or "") < 2000
    waiting.clear()


def test_malformed_bodies(server):
    rng = random.Random(1)
    url = f"http://{server.rest}/v1/models/small:predict"
    good = b'{"signature_name": "align", "inputs": {"fixed": [[[1, 2], [3, 4]]], "moving": [[[1, 2], [3, 4]]]}}'
    with requests.Session() as session:
        for _ in range(200):
            data = bytearray(good)
            for _ in range(rng.randrange(1, 8)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            response = session.post(url, data=bytes(data[: rng.randrange(1, len(data) + 1)]), timeout=60)
            assert response.status_code == 400 and set(response.json()) == {"error"}
        assert session.post(url, data=b"[" * 10**6, timeout=60).status_code == 400
        for path in (
            "/",
            "/v1/models/../../etc/passwd",
            "/v1/models/%2e%2e%2fsmall",
            "/v1/models/small/versions/-1",
            "/v1/models/",
        ):
            assert session.get(f"http://{server.rest}{path}", timeout=60).status_code == 404
        assert session.get(url, timeout=60).status_code in (404, 405)
        label = f"http://{server.rest}/v1/models/small/labels/stable"
        for response in (
            session.get(label, timeout=60),
            session.get(f"{label}/metadata", timeout=60),
            session.post(f"{label}:predict", data="{}", timeout=60),
        ):
            assert response.status_code == 400 and response.json()["error"].startswith("version labels are not served: expected")


def test_bytes_that_are_no_protocol_at_all(server):
    rng = random.Random(2)
    for address in (server.address, server.rest):
        host, _, port = address.rpartition(":")
        for data in (
            b"GET / HTTP/1.1\r\n" * 50,
            bytes(rng.randbytes(5000)),
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(300),
            b"",
        ):
            with socket.create_connection((host, int(port)), timeout=60) as connection:
                connection.sendall(data)


def test_clients_that_vanish(server, pictures, wanted, assert_close):
    """Some cancel, some die with half a request sent, some do not wait for their answers; one waits and gets the right one."""
    code = (
        "import sys, os, threading, numpy as np\n"
        "from udl_tf.client import AlignClient\n"
        "images = np.random.default_rng(0).normal(size=(64, 256, 256)).astype('float32')\n"
        "client = AlignClient(sys.argv[1], 'small')\n"
        "threading.Timer(float(sys.argv[2]), os._exit, [3]).start()\n"
        "while True: client.align(images, images)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    doomed = subprocess.Popen([sys.executable, "-c", code, server.address, "1.5"], env=environment, stderr=subprocess.DEVNULL)
    request = good_request("serving_default", random.Random(0))
    with grpc.insecure_channel(server.address) as channel:
        predict = channel.unary_unary(PREDICT)
        for turn in range(200):
            call = predict.future(request.SerializeToString(), timeout=60)
            if turn % 2:
                call.cancel()
            else:
                with pytest.raises(grpc.FutureTimeoutError):
                    call.result(timeout=0)
    host, _, port = server.rest.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(b"POST /v1/models/small:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{")
    while doomed.poll() is None:
        with server.client() as client:
            assert_close(client.align(pictures[0][:2], pictures[1][:2]), wanted, 1e-3)
    assert doomed.returncode == 3


def test_nothing_of_this_was_a_fault_of_the_server(server):
    assert server.process.poll() is None
    assert "Traceback" not in server.log.read_text()


def test_sigterm_under_load(server, pictures, wanted, assert_close):
    """Requests in hand are answered, rightly; later ones hear that the server is gone; it ends with 0."""
    answered, refused, wrong, ended = [], [], [], threading.Event()

    def work():
        with server.client(timeout=60) as client:
            while not ended.is_set():
                try:
                    found = client.align(pictures[0][:2], pictures[1][:2])
                except InputError as error:
                    refused.append(str(error))
                    return
                try:
                    assert_close(found, wanted, 1e-3)
                    answered.append(1)
                except AssertionError as error:
                    wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    while len(answered) < 12:
        time.sleep(0.05)
    server.process.send_signal(signal.SIGTERM)
    code = server.process.wait(60)
    ended.set()
    for thread in threads:
        thread.join(60)
    assert code == 0 and not wrong
    assert all("no server answers" in message for message in refused), refused
    assert "Traceback" not in server.log.read_text()

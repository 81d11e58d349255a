"""What is our own server's: limits, hot loading, health, models as `fit` writes them, damaged ones."""

import concurrent.futures
import shutil
import threading
import time

import grpc
import numpy as np
import pytest
import requests
from grpc_health.v1 import health_pb2, health_pb2_grpc

from pipelines.errors import InputError
from udl_tf.client import AlignClient
from udl_tf.serving import repository
from udl_tf.serving.limits import Limits
from udl_tf.serving.server import Server, Settings


@pytest.fixture(scope="module")
def models(model_folder, tmp_path_factory):
    """A folder with small/1 and plain/1, as `fit` writes them: without warm-up requests they are loaded sooner."""
    folder = tmp_path_factory.mktemp("several")
    for name in ("small", "plain"):
        shutil.copytree(model_folder / "model" / "1", folder / name / "1")
    return folder


@pytest.fixture(scope="module")
def server(models):
    limits = Limits(batch=6, side=64, pairs=10, body=2**19)
    server = Server(Settings(str(models), port=0, rest_port=0, poll=0.1, limits=limits))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def address(server):
    return f"127.0.0.1:{server.port}"


def wait_until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def states(server, name):
    found = requests.get(f"http://127.0.0.1:{server.rest_port}/v1/models/{name}", timeout=60).json()
    return {one["version"]: one["state"] for one in found.get("model_version_status", ())}


def test_a_model_as_fit_writes_it(address, aligner, pictures, assert_close):
    with AlignClient(address, "plain") as client:
        assert_close(client.align(pictures[0][:4], pictures[1][:4]), aligner.align(pictures[0][:4], pictures[1][:4]))
        with pytest.raises(InputError, match="3 fixed and 2 moving"):
            client.call("serving_default", fixed=pictures[0][:3], moving=pictures[1][:2])
        with pytest.raises(InputError, match="no signature 'warp' in model plain: expected one of align_pairs, align_within"):
            client.call("warp", images=pictures[0][:1])


@pytest.mark.parametrize("rest", [False, True])
def test_limits(server, rest):
    address = f"127.0.0.1:{server.rest_port if rest else server.port}"
    with AlignClient(address, "small", rest=rest) as client:
        with pytest.raises(InputError, match="received 7, expected at most 6 in one request"):
            client.align(np.ones((7, 16, 16)), np.ones((7, 16, 16)), report=False)
        with pytest.raises(InputError, match="sides of 16 to 64"):
            client.align(np.ones((2, 65, 65)), np.ones((2, 65, 65)), report=False)
        with pytest.raises(InputError, match="received 15, expected at most 10"):
            client.align_pairs(np.random.default_rng(0).normal(size=(6, 16, 16)))
        if rest:
            with pytest.raises(InputError, match="expected at most 512 kB"):
                client.align(np.random.default_rng(0).normal(size=(6, 64, 64)), np.ones((6, 64, 64)), report=False)


def test_a_message_over_the_limit_is_refused(models):
    server = Server(Settings(str(models / "plain"), name="one", port=0, rest_port=None, limits=Limits(message=2**18)))
    try:
        with AlignClient(f"127.0.0.1:{server.port}", "one") as client, pytest.raises(InputError, match="RESOURCE_EXHAUSTED"):
            client.align(np.ones((10, 128, 128)), np.ones((10, 128, 128)), report=False)
        assert server.rest_port is None and server.repository.names() == [("one", 1)]
    finally:
        server.stop()


def test_health(server, address):
    with grpc.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for name in ("", "tensorflow.serving.PredictionService"):
            assert stub.Check(health_pb2.HealthCheckRequest(service=name)).status == health_pb2.HealthCheckResponse.SERVING
    found = requests.get(f"http://127.0.0.1:{server.rest_port}/v1/health", timeout=60).json()
    assert {"name": "small", "version": "1"} in found["models"]


@pytest.mark.once("requests are counted by the server")
def test_versions_come_and_go_without_a_lost_request(server, address, models, pictures, aligner):
    wanted = aligner.align(pictures[0][0], pictures[1][0]).angle[0]
    stop, errors, served = threading.Event(), [], []

    def ask():
        with AlignClient(address, "small") as client:
            while not stop.is_set():
                try:
                    served.append(float(client.align(pictures[0][0], pictures[1][0]).angle[0]))
                except InputError as error:
                    errors.append(str(error))

    def some_more():
        count = len(served)
        wait_until(lambda: len(served) > count + 3 or errors)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        some_more()
        shutil.copytree(
            models / "small" / "1", models / "small" / "12", dirs_exist_ok=False
        )  # not at once: files appear one by one
        wait_until(lambda: states(server, "small").get("12") == "AVAILABLE")
        assert states(server, "small") == {"12": "AVAILABLE", "1": "AVAILABLE"}
        assert server.repository.get("small").version == 12
        some_more()
        shutil.rmtree(models / "small" / "12")
        wait_until(lambda: states(server, "small").get("12") == "END")
        assert server.repository.get("small").version == 1
        some_more()
        stop.set()
    assert not errors and all(future.exception() is None for future in asking)
    assert np.allclose(served, wanted, atol=1e-3)


def test_a_damaged_version_does_not_disturb_and_may_be_mended(server, models, caplog):
    damaged = models / "small" / "20"
    damaged.mkdir()
    (damaged / "saved_model.pb").write_bytes((models / "small" / "1" / "saved_model.pb").read_bytes()[:1000])
    wait_until(lambda: states(server, "small").get("20") == "END")
    assert states(server, "small")["1"] == "AVAILABLE" and server.repository.get("small").version == 1
    reported = [record for record in caplog.records if "small/20 cannot be loaded" in record.getMessage()]
    time.sleep(0.5)
    assert len(reported) == 1  # not at every look
    shutil.copytree(models / "small" / "1", damaged, dirs_exist_ok=True)
    wait_until(lambda: states(server, "small").get("20") == "AVAILABLE")
    shutil.rmtree(damaged)
    wait_until(lambda: server.repository.get("small").version == 1)


def test_folders_of_models(tmp_path, models):
    assert set(repository.find(models)) >= {("small", 1), ("plain", 1)}
    assert repository.find(models / "small", "other") == {("other", 1): models / "small" / "1"}
    assert set(repository.find(models / "small")) == {("small", 1)}
    assert repository.find(tmp_path) == {} and repository.find(tmp_path / "nothing") == {}
    with pytest.raises(InputError, match="no models found"):
        repository.Repository(tmp_path)
    (tmp_path / "bad" / "1").mkdir(parents=True)
    (tmp_path / "bad" / "1" / "saved_model.pb").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="no model can be loaded"):
        repository.Repository(tmp_path)


@pytest.mark.once("requests are counted by the server")
def test_stopping_finishes_what_is_in_hand(models, aligner, pictures, assert_close):
    server = Server(Settings(str(models / "plain"), name="one", port=0, rest_port=0))
    batcher, go = server.repository.get("one")._batcher, threading.Event()
    run = batcher._run
    batcher._run = lambda *call: go.wait(60) and run(*call)
    clients = [
        AlignClient(f"127.0.0.1:{port}", "one", rest=rest) for port, rest in ((server.port, False), (server.rest_port, True))
    ]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        found = [pool.submit(client.align, pictures[0][:9], pictures[1][:9]) for client in clients]
        wait_until(lambda: batcher.pending() == 2)
        stopped = pool.submit(server.stop)
        time.sleep(0.3)
        assert not stopped.done()
        go.set()
        for future in found:
            assert_close(future.result(60), aligner.align(pictures[0][:9], pictures[1][:9]), 1e-3)
        stopped.result(60)
    for client in clients:
        client.close()


def test_a_taken_port_is_said(server, models):
    for port, rest_port in ((server.port, None), (0, server.rest_port)):
        with pytest.raises(InputError, match="cannot listen on 127.0.0.1"):
            Server(Settings(str(models / "plain"), port=port, rest_port=rest_port))

"""What the client says when something is wrong: one line, an InputError, and no endless waiting."""

import concurrent.futures
import socket
import threading
import time

import grpc
import numpy as np
import pytest

from pipelines.errors import InputError
from udl_tf.client import AlignClient
from udl_tf.serving.remote import ServerError

IMAGES = np.random.default_rng(0).normal(size=(2, 16, 16)).astype(np.float32)


@pytest.fixture
def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.mark.parametrize("rest", [False, True])
def test_an_unknown_model_is_named(served, rest):
    address = served.rest if rest else served.address
    with AlignClient(address, "nobody", rest=rest) as client, pytest.raises(InputError, match="nobody") as caught:
        client.align(IMAGES, IMAGES)
    assert not isinstance(caught.value, ServerError) and address in str(caught.value) and "\n" not in str(caught.value)
    with AlignClient(address, served.model, version=77, rest=rest) as client, pytest.raises(InputError, match="77"):
        client.align(IMAGES, IMAGES)


def test_wrong_images_never_leave(free_port):
    with AlignClient(f"127.0.0.1:{free_port}") as client:
        for fixed, moving, message in (
            (np.zeros((3, 16, 16)), IMAGES, "3 fixed and 2 moving"),
            (np.zeros((2, 20, 20)), IMAGES, "fixed of 20x20 and moving of 16x16"),
            (IMAGES[:, :9], IMAGES[:, :9], "9 pixels: expected 16 to 2048"),
        ):
            with pytest.raises(InputError, match=message):
                client.align(fixed, moving)
        with pytest.raises(InputError, match="max_shift of 9"):
            client.align(IMAGES, IMAGES, max_shift=9)


@pytest.mark.once("waiting for a server is gRPC's")
def test_a_server_that_is_not_there(free_port):
    def tried(rest):
        start = time.monotonic()
        gone = pytest.raises(ServerError, match=f"127.0.0.1:{free_port}: no server answers")
        with AlignClient(f"127.0.0.1:{free_port}", rest=rest) as client, gone as caught:
            client.align(IMAGES, IMAGES)
        return time.monotonic() - start, str(caught.value)

    with concurrent.futures.ThreadPoolExecutor(2) as both:  # at the same time: what they do is wait
        for seconds, message in both.map(tried, (False, True)):
            assert 1 < seconds < 30 and "\n" not in message  # it was tried again, but not for ever


@pytest.mark.parametrize("rest", [False, True])
def test_a_deadline(rest):
    """A server that listens and never answers."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        late = pytest.raises(ServerError, match="no answer within 0.5 s|no server answers")
        with AlignClient(f"127.0.0.1:{silent.getsockname()[1]}", rest=rest, timeout=0.5) as client, late:
            client.align(IMAGES, IMAGES)


class Flaky(grpc.GenericRpcHandler):
    """Unavailable at first, then an answer that is none of an aligner's."""

    def __init__(self, failures):
        self.failures, self.times = failures, []

    def service(self, details):
        def answer(data, context):
            self.times.append(time.monotonic())
            if len(self.times) <= self.failures:
                context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
            return b""

        return grpc.unary_unary_rpc_method_handler(answer)


@pytest.fixture
def flaky():
    import concurrent.futures

    handler = Flaky(2)
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(2), handlers=(handler,), options=[("grpc.max_receive_message_length", -1)]
    )
    handler.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield handler
    server.stop(0)


def test_unavailable_is_tried_again_with_growing_pauses(flaky):
    with AlignClient(f"127.0.0.1:{flaky.port}") as client, pytest.raises(ServerError, match="expected a model of udl_tf"):
        client.align(np.repeat(IMAGES, 40, 0).repeat(8, 1).repeat(8, 2), np.ones((80, 128, 128)), batch=80, report=False)  # 10 MB
    assert len(flaky.times) == 3
    assert flaky.times[2] - flaky.times[0] > 0.3


@pytest.mark.once("trying again is the client's")
def test_at_most_five_times(flaky):
    flaky.failures = 100
    with AlignClient(f"127.0.0.1:{flaky.port}") as client, pytest.raises(ServerError, match="not yet"):
        client.align(IMAGES, IMAGES)
    assert len(flaky.times) == 5


@pytest.mark.parametrize("address", ["localhost", "localhost:", ":8500", "localhost:http", 8500, None])
def test_addresses(address):
    with pytest.raises(InputError, match="expected host:port"):
        AlignClient(address)


def test_one_pair_that_is_larger_than_a_message(free_port):
    with AlignClient(f"127.0.0.1:{free_port}", message_bytes=2**16) as client:
        with pytest.raises(InputError, match="one pair of 128x128 pixels is more than message_bytes"):
            client.align(np.eye(128), np.eye(128))
        with pytest.raises(InputError, match="2 images of 128x128 pixels are more"):
            client.align_pairs(np.stack([np.eye(128)] * 2))
    with pytest.raises(InputError, match="expected more than 0 and 65536"):
        AlignClient("localhost:1", message_bytes=10)


@pytest.mark.once("threads are the client's")
def test_threads_may_share_a_client(served, pictures):
    wanted = served.aligner.align(pictures[0][:8], pictures[1][:8]).angle
    found = [None] * 8
    with served.client() as client:

        def ask(row):
            found[row] = client.align(pictures[0][row], pictures[1][row]).angle[0]

        threads = [threading.Thread(target=ask, args=(row,)) for row in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    np.testing.assert_allclose(found, wanted, atol=1e-3)

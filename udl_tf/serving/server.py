"""Both servers over one repository, started and stopped together."""

import dataclasses
import socket
import threading

import uvicorn

from pipelines.errors import InputError
from udl_tf.serving.grpc_api import make_server
from udl_tf.serving.limits import Limits
from udl_tf.serving.repository import Repository
from udl_tf.serving.rest_api import make_app


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to serve.

    Attributes:
        models: folder of models. name: see `udl_tf.serving.repository.find`.
        host: address to listen on. port, rest_port: of gRPC and REST; 0 for any that is free, rest_port None for no REST.
        largest: pairs that are aligned in one call of a model. poll: seconds between looks into the folder. limits: `Limits`.
    """

    models: str
    name: str | None = None
    host: str = "127.0.0.1"
    port: int = 8500
    rest_port: int | None = 8501
    largest: int = 64
    poll: float = 1.0
    limits: Limits = dataclasses.field(default_factory=Limits)


class Server:
    """A running server; it serves when it is made.

    Attributes:
        repository: `Repository`. port, rest_port: where it listens.

    Raises:
        InputError: no model can be loaded, or a port is taken.
    """

    def __init__(self, settings):
        self._rest = None
        try:
            listening = _listen(settings.host, settings.rest_port) if settings.rest_port is not None else None
        except OSError as error:
            raise InputError(f"cannot listen on {settings.host}:{settings.rest_port} ({error.strerror})") from None
        self.rest_port = listening.getsockname()[1] if listening else None
        try:
            self.repository = Repository(settings.models, settings.name, settings.largest)
            self._grpc, self.port, self._health = make_server(
                self.repository, f"{settings.host}:{settings.port}", settings.limits
            )
        except OSError as error:
            raise InputError(str(error)) from None
        self._grpc.start()
        if listening:
            app = make_app(self.repository, settings.limits)
            config = uvicorn.Config(app, log_level="error", access_log=False, lifespan="off", timeout_graceful_shutdown=30)
            self._rest = uvicorn.Server(config)
            self._rest_thread = threading.Thread(target=self._rest.run, args=([listening],), name="rest", daemon=True)
            self._rest_thread.start()
        self.repository.watch(settings.poll)

    def stop(self, grace=30.0):
        """Take no more requests, finish those in hand, at most `grace` seconds, and return."""
        self._health.enter_graceful_shutdown()
        stopped = self._grpc.stop(grace)
        if self._rest:
            self._rest.should_exit = True
            self._rest_thread.join(grace)
        stopped.wait()
        self.repository.close()


def _listen(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small answers at once (TCP_NODELAY) only where the protocol is spelled out.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    listening.listen(128)
    return listening

"""An aligner, wherever its model is: the one place that knows both backends."""

from pipelines.errors import InputError
from udl_tf.alignment.aligner import Aligner
from udl_tf.alignment.models import find
from udl_tf.serving.backend import ServerBackend


def open_aligner(model: str, server: str | None = None, rest: bool = False) -> Aligner:
    """An aligner with the model of a name or folder, or with that of this name on a server.

    Args:
        server: "host:port" of TensorFlow Serving or `udl_tf.serve`, or None. rest: the port is one of REST.
    """
    if server is None:
        if rest:
            raise InputError("received --rest without --server: expected --server HOST:PORT")
        return Aligner(find(model))
    return Aligner(ServerBackend(server, str(model), rest=rest))

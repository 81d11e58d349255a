"""An aligner, wherever its model is."""

import udl_tf
from pipelines.errors import InputError


def open_aligner(model, server=None, rest=False):
    """An aligner with the model of a name or folder, or with that of this name on a server.

    Args:
        server: "host:port" of TensorFlow Serving or `udl_tf.serve`, or None. rest: the port is one of REST.
    """
    if server is None:
        if rest:
            raise InputError("received --rest without --server: expected --server HOST:PORT")
        return udl_tf.load(model)
    from udl_tf.client import AlignClient

    return AlignClient(server, str(model), rest=rest)

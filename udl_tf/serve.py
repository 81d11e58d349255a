"""Serve models over the protocol of TensorFlow Serving, gRPC and REST.

    python -m udl_tf.serve
    python -m udl_tf.serve --model-base-path saved_models --port 8500 --rest-port 8501

Models are folders NAME/VERSION in the base path, as `udl_tf.export` and `udl_tf.fit` write them; a version that appears
there is taken into service, one that disappears is retired. Requests that come together are aligned together. Where
tensorflow_model_server is on the PATH, that is started instead. Ctrl-C or SIGTERM: what is in hand is finished first.
"""

import logging
import pathlib
import signal
import sys
import threading

from pipelines.errors import InputError
from udl_tf.alignment.models import shipped
from udl_tf.commands import import_tensorflow, run


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument(
        "--model-base-path", metavar="DIR", help="folder of models (default: saved_models here, else the shipped models)"
    )
    parser.add_argument("--model-name", metavar="NAME", help="where DIR itself holds the versions of one model: its name")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine only)")
    parser.add_argument("--port", type=int, default=8500, help="of gRPC, 0 for any (default: 8500)")
    parser.add_argument("--rest-port", type=int, default=8501, help="of REST, 0 for any, -1 for none (default: 8501)")
    parser.add_argument("--batch", type=int, default=64, metavar="N", help="pairs aligned in one go, at most (default: 64)")
    parser.add_argument("--max-batch", type=int, default=1024, metavar="N", help="pairs in one request, at most (default: 1024)")
    parser.add_argument("--max-side", type=int, default=2048, metavar="PX", help="side of images, at most (default: 2048)")
    parser.add_argument("--max-message", type=int, default=256, metavar="MB", help="size of a request, at most (default: 256)")
    parser.add_argument("--poll", type=float, default=1.0, metavar="S", help="seconds between looks into DIR (default: 1)")
    parser.add_argument("--own", action="store_true", help="do not start tensorflow_model_server, even where there is one")


def main(args):
    """Run the command; returns the exit code."""
    _check(args)
    import_tensorflow()
    try:
        from udl_tf.serving import model_server
        from udl_tf.serving.server import Server
    except ImportError as error:
        raise InputError(f'serving needs more packages ({error.name}): pip install "udl_tf[serving]"') from None

    settings = _settings(args)
    program = None if args.own else model_server.installed()
    if program:
        print(f"starting {program}; it listens on all addresses of this machine", file=sys.stderr, flush=True)
        return model_server.run(program, settings)
    logging.getLogger("udl_tf.serving").setLevel(logging.INFO)
    stopping = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    server = Server(settings)
    try:
        rest = "" if server.rest_port is None else f", REST http://{settings.host}:{server.rest_port}"
        print(f"serving on gRPC {settings.host}:{server.port}{rest}", flush=True)
        stopping.wait()
    finally:  # Ctrl-C, too
        server.stop()
        signal.signal(signal.SIGTERM, before)
    return 0


def _check(args):
    """Raise InputError for numbers that cannot be."""
    for name, value in (("port", args.port), ("rest-port", args.rest_port)):
        if not -1 <= value <= 65535 or (value < 0 and name == "port"):
            raise InputError(f"--{name} {value}: expected 0 to 65535")
    for name, value, least in (
        ("batch", args.batch, 1),
        ("max-batch", args.max_batch, 1),
        ("max-side", args.max_side, 16),
        ("max-message", args.max_message, 1),
        ("poll", args.poll, 0.01),
    ):
        if not value >= least:
            raise InputError(f"--{name} {value}: expected at least {least}")


def _settings(args):
    from udl_tf.serving.limits import Limits
    from udl_tf.serving.server import Settings

    limits = Limits(batch=args.max_batch, side=args.max_side, message=args.max_message * 2**20)
    return Settings(
        models=args.model_base_path or _default_models(),
        name=args.model_name,
        host=args.host,
        port=args.port,
        rest_port=None if args.rest_port < 0 else args.rest_port,
        largest=args.batch,
        poll=args.poll,
        limits=limits,
    )


def _default_models():
    if pathlib.Path("saved_models").is_dir():
        return "saved_models"
    return str(next(iter(shipped().values())).parents[1])


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))

"""What all commands share: clear errors with exit code 2, and Ctrl-C without a traceback."""

import argparse
import contextlib
import logging
import os
import sys

from pipelines.errors import InputError


def run(description, add_args, main, argv=None):
    """Parse arguments, call ``main(args)`` and return its exit code.

    Bad input prints one line ``error: ...`` and gives 2; Ctrl-C gives 130.
    """
    import_tensorflow()
    parser = argparse.ArgumentParser(
        prog=f"python -m {main.__module__ if main.__module__ != '__main__' else _module()}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_args(parser)
    args = parser.parse_args(argv)
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    try:
        return main(args) or 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def import_tensorflow():
    """Import TensorFlow without the dozen lines its libraries write to stderr about CUDA and oneDNN."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), 2)
            import tensorflow as tf

            tf.config.list_physical_devices()
            tf.keras.layers  # noqa: B018  Keras is loaded at its first use, and says the same again
            tf.get_logger().setLevel(logging.ERROR)
            with contextlib.suppress(ImportError):
                import absl.logging

                absl.logging.set_verbosity(absl.logging.ERROR)
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _module():
    spec = sys.modules["__main__"].__spec__
    return spec.name if spec else "udl_tf"

"""What all commands share: they parse before TensorFlow is imported, tell errors in one line, and end quietly at Ctrl-C.

    udl-tf COMMAND ...            the same as
    python -m udl_tf.COMMAND ...

A command is a module with a docstring (its help), `add_args` and `main`. What is wrong with the arguments alone `main` says
first; it calls `import_tensorflow` after that.
"""

import argparse
import ast
import contextlib
import importlib
import importlib.util
import logging
import os
import pathlib
import sys

from pipelines.errors import InputError
from pipelines.files import inside

COMMANDS = ("align", "register", "sections", "classify", "fit", "tune", "evaluate", "export", "serve")


def console(argv=None):
    """The program ``udl-tf``: ``udl-tf COMMAND ...``. Returns the exit code."""
    given = sys.argv[1:] if argv is None else list(argv)
    lines = "\n".join(f"  {name:10s} {sentence(name)}" for name in COMMANDS)
    parser = argparse.ArgumentParser(
        prog="udl-tf",
        usage="udl-tf COMMAND ...",
        description=f"Rotation and shift between noisy images, learned without labels.\n\ncommands:\n{lines}",
        epilog="udl-tf COMMAND --help explains a command; python -m udl_tf.COMMAND is the same command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help=argparse.SUPPRESS)
    name = parser.parse_args(given[:1]).command
    if argv is None:
        sys.argv[1:] = given[1:]  # as it is under python -m: commands write down how they were called
    module = importlib.import_module(f"udl_tf.{name}")
    return run(module.__doc__, module.add_args, module.main, given[1:], prog=f"udl-tf {name}")


def sentence(name):
    """The first line of a command's docstring, read without importing it."""
    path = pathlib.Path(importlib.util.find_spec(f"udl_tf.{name}").origin)
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))).splitlines()[0]


def run(description, add_args, main, argv=None, prog=None):
    """Parse arguments, call ``main(args)`` and return its exit code.

    Bad input prints one line ``error: ...`` and gives 2; Ctrl-C gives 130.
    """
    parser = argparse.ArgumentParser(
        prog=prog or f"python -m {main.__module__ if main.__module__ != '__main__' else _module()}",
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


def require(*paths):
    """Raise InputError where one of these files or folders is not there; None is passed over."""
    for path in paths:
        if path is not None and not pathlib.Path(path).exists() and not inside.split(path)[1]:
            raise InputError(f"{path}: no such file or folder")


@contextlib.contextmanager
def bar(unit, desc, quiet):
    """Context manager: a function of (done, of) that shows a progress bar of such units on stderr, where that is a terminal."""
    from tqdm import tqdm

    with tqdm(unit=unit, desc=desc, disable=True if quiet else None, leave=False) as shown:

        def tell(done, of):
            shown.total = of
            shown.update(done - shown.n)

        yield tell


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

"""Files that are either whole or not there: written beside their name, then renamed."""

import contextlib
import os
import pathlib

from pipelines.errors import InputError


def holds_anything(folder):
    """Whether a folder (`pathlib.Path`) is not empty; parts of files and the lock that a killed process leaves do not count."""
    return any(not (item.name.startswith(".") and item.name.endswith((".part", ".lock"))) for item in folder.iterdir())


@contextlib.contextmanager
def atomic_path(path):
    """Context manager: a temporary path beside `path`, renamed to it on success and removed on failure.

    An older file of the name stays untouched until then, so a reader never meets half a file.

    Raises:
        InputError: the folder does not exist or cannot be written.
    """
    path = pathlib.Path(path)
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: the folder {path.parent} does not exist")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"cannot write {path}: no permission to write in {path.parent}")
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder, expected a file name")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)

"""Files and folders that are either whole or not there: written beside their name, then renamed."""

import contextlib
import errno
import os
import pathlib
import shutil
from collections.abc import Iterator

from pipelines.errors import InputError

PART = ".part."  # how the names of things under way begin, so that they keep the ending that some writers insist on
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def holds_anything(folder):
    """Whether a folder (`pathlib.Path`) is not empty; parts of files and the lock that a killed process leaves do not count."""
    return any(not (item.name.startswith(PART) or item.name == ".lock") for item in folder.iterdir())


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Context manager: a temporary path beside `path`, of the same ending, renamed to it on success and removed on failure.

    An older file of the name stays untouched until then, so a reader never meets half a file.

    Raises:
        InputError: the folder does not exist or cannot be written, or the disk is full.
    """
    path = pathlib.Path(path)
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: the folder {path.parent} does not exist")
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder, expected a file name")
    with _part(path) as part:
        try:
            yield part
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: str | os.PathLike, replace: bool = True) -> Iterator[pathlib.Path]:
    """Context manager: a new empty folder beside `path`, renamed to it on success and removed on failure.

    An older folder of the name stays untouched until the new one is whole; then it is replaced. Parents are made.

    Args:
        replace: False where there must be no older one.

    Raises:
        InputError: it cannot be written, or the disk is full. OSError: there is an older one, and `replace` is False.
    """
    path = pathlib.Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
    with _part(path) as part:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        try:
            yield part
            if replace:
                shutil.rmtree(path, ignore_errors=True)
            os.replace(part, path)
        finally:
            shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def _part(path):
    """The name of the thing under way; a full disk becomes one line, whichever library writes."""
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"cannot write {path}: no permission to write in {path.parent}")
    try:
        yield path.with_name(f"{PART}{os.getpid()}.{path.name}")
    except InputError:
        raise
    except Exception as error:  # TensorFlow and HDF5 have errors of their own for it
        text = os.strerror(errno.ENOSPC)
        if getattr(error, "errno", None) in FULL or text in str(error):
            raise InputError(f"cannot write {path}: {getattr(error, 'strerror', None) or text}") from error
        raise

"""One process at a time in a folder."""

from pipelines.errors import InputError


def lock(folder):
    """An open file that other processes cannot lock while this one lives; the lock goes with the process, however it ends.

    Raises:
        InputError: another process holds the lock.
    """
    file = open(folder / ".lock", "w")  # noqa: SIM115  open as long as the job lasts
    try:
        import fcntl

        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise InputError(f"another process works in {folder}: expected it to be finished first") from None
    except (ImportError, OSError):
        pass  # Windows, or a file system without locks
    return file

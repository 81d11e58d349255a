"""The finished chunks of a piece of work, kept in a folder until all is done: what `--resume` goes on from."""

import contextlib
import hashlib
import io
import json
import logging
import pathlib
import shutil

import numpy as np

from pipelines.errors import InputError, NoAnswerError
from pipelines.files.atomic import atomic_path
from pipelines.files.lock import lock

LOG = logging.getLogger(__name__)
ABOUT = "job.json"
FORMAT, VERSION = "udl_tf chunks, version ", 2
CHECKSUM_BYTES = 16


@contextlib.contextmanager
def kept(folder, fingerprint, resume):
    """Context manager: a `ChunkStore` that goes when all is done, and where there is nothing to go on from.

    What ends early leaves its finished chunks, and says so: Ctrl-C, a full disk, a server that is gone. Of input that has no
    answer nothing stays. Enter it before the outputs, so that these are in place before it goes. Arguments as of `ChunkStore`.
    """
    store = ChunkStore(folder, fingerprint, resume)
    try:
        yield store
    except BaseException as error:
        if isinstance(error, NoAnswerError) or not store.holds_any():
            store.remove()
        else:
            LOG.warning("finished chunks are kept in %s: the same command with --resume goes on from them", store.folder)
        raise
    store.remove()


class ChunkStore:
    """A folder of finished chunks, FOLDER/STAGE/NUMBER.chunk, and a file that says of which job.

    A chunk's file is whole or not there, whenever the process is killed; one that was damaged later counts as not there. Another
    process that works on the same folder at the same time is refused.

    Args:
        folder: made if it is not there; its parent must exist.
        fingerprint: dict that JSON can hold, of all that the result depends on: inputs with sizes and times of change,
            configuration, versions.
        resume: True: keep the chunks that are there, if they are of the same job. False: start over.

    Raises:
        InputError: the folder is not ours or cannot be written, is in use, or (`resume`) is of another job or version.
    """

    def __init__(self, folder, fingerprint, resume):
        self.folder = pathlib.Path(folder)
        if not self.folder.parent.is_dir():
            raise InputError(f"cannot keep finished chunks in {self.folder}: the folder {self.folder.parent} does not exist")
        self._last = None, None
        about = self.folder / ABOUT
        new = {"format": f"{FORMAT}{VERSION}", "fingerprint": json.loads(json.dumps(fingerprint))}
        try:
            with contextlib.suppress(FileExistsError):
                self.folder.mkdir()
            self._check_ours()
            self._lock = lock(self.folder)
            old = _read_json(about)
            if resume and old is not None:
                if old["format"] != new["format"]:
                    raise InputError(
                        f"cannot resume from {self.folder}: received {old['format']}, expected version {VERSION}, "
                        "that of this udl_tf; start without --resume"
                    )
                changes = list(_changes(old["fingerprint"], new["fingerprint"]))
                if changes:
                    raise InputError(f"cannot resume from {self.folder}, it is of another job: {'; '.join(changes[:3])}")
                return
            if resume:
                LOG.warning("nothing to resume in %s: starting from the beginning", self.folder)
            self._empty()
            with atomic_path(about) as part:
                part.write_text(json.dumps(new, indent=1), encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot keep finished chunks in {self.folder}: {error.strerror or error}") from None

    def holds_any(self):
        """Whether there is a finished chunk."""
        return any(self.folder.glob("*/*.chunk"))

    def has(self, stage, number):
        """Whether this chunk is finished, and its file is sound."""
        return self._load(stage, number) is not None

    def read(self, stage, number):
        """The dict of arrays of a finished chunk.

        Raises:
            KeyError: it is not there, or damaged.
        """
        arrays = self._load(stage, number)
        if arrays is None:
            raise KeyError(f"chunk {number} of {stage} is not in {self.folder}")
        self._last = None, None
        return arrays

    def write(self, stage, number, arrays):
        """Keep a finished chunk, a dict of arrays of numbers or text.

        Raises:
            InputError: the disk is full, or the folder is gone.
        """
        path = self._path(stage, number)
        self._last = None, None
        try:
            path.parent.mkdir(exist_ok=True)
            with atomic_path(path) as part:
                part.write_bytes(_packed(arrays))
        except OSError as error:
            raise InputError(f"cannot write {path}: {error.strerror or error}") from None

    def forget(self, stage, keep):
        """Delete the finished chunks of a stage but for the one of number `keep`."""
        self._last = None, None
        kept = self._path(stage, keep)
        for path in kept.parent.iterdir():
            if path != kept:
                path.unlink(missing_ok=True)

    def remove(self):
        """Delete the folder, once the outputs are in place."""
        self._empty()
        self._lock.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, stage, number):
        return self.folder / stage / f"{number:08d}.chunk"

    def _load(self, stage, number):
        """Arrays, or None; the last ones are remembered, because `read` follows `has`."""
        path = self._path(stage, number)
        if self._last[0] != path:
            try:
                self._last = path, _unpacked(path.read_bytes())
            except OSError:
                return None
        return self._last[1]

    def _check_ours(self):
        if not self.folder.is_dir():
            raise InputError(f"{self.folder} is a file: expected a folder for finished chunks")
        names = [item.name for item in self.folder.iterdir() if not item.name.startswith(".")]
        if names and _read_json(self.folder / ABOUT) is None:
            raise InputError(f"the folder {self.folder} holds other things than finished chunks ({names[0]}): move it away")

    def _empty(self):
        """Remove all chunks; what says of which job they are stays, so that a half-emptied folder is still ours."""
        for item in self.folder.iterdir():
            if item.is_dir():
                shutil.rmtree(item)


def _packed(arrays):
    """Bytes of a dict of arrays: a checksum, then an .npz file (whose own checksums do not cover names and sizes)."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    content = buffer.getvalue()
    return _checksum(content) + content


def _unpacked(data):
    """The arrays; None if the bytes are not all there, or not as they were written."""
    check, content = data[:CHECKSUM_BYTES], data[CHECKSUM_BYTES:]
    if check != _checksum(content):
        return None
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _checksum(content):
    return hashlib.blake2b(content, digest_size=CHECKSUM_BYTES).digest()


def _read_json(path):
    """What the file says of the job; None if there is none, or it is not ours."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    ours = isinstance(found, dict) and str(found.get("format")).startswith(FORMAT) and isinstance(found.get("fingerprint"), dict)
    return found if ours else None


def _changes(old, new, prefix=""):
    """What differs between two fingerprints, key by key, in words."""
    for key in sorted(old.keys() | new.keys()):
        before, after = (_short(values[key]) if key in values else "not there" for values in (old, new))
        if isinstance(old.get(key), dict) and isinstance(new.get(key), dict):
            yield from _changes(old[key], new[key], f"{prefix}{key}.")
        elif (key in old) != (key in new) or old.get(key) != new.get(key):
            yield f"{prefix}{key} was {before} and is {after}"


def _short(value):
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

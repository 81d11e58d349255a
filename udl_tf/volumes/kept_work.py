"""What a killed `sections align` has compared already, kept beside its output until that is written."""

import contextlib
import hashlib
import os
import pathlib
from collections.abc import Iterator

from pipelines.files.fingerprint import stamp
from pipelines.files.lazy import LazyArray
from udl_tf.alignment import models
from udl_tf.chunks.store import ChunkStore, kept
from udl_tf.versions import versions


@contextlib.contextmanager
def kept_work(array: LazyArray, output, model: str, settings: dict, resume: bool) -> Iterator[ChunkStore]:
    """Context manager: the finished chunks of an alignment in the folder OUTPUT.parts, see `udl_tf.chunks.store.kept`.

    Args:
        array: the volume. output: what is written of it. model: see `udl_tf.alignment.models.find`.
        settings: what else the result depends on, for JSON. resume: see `ChunkStore`.

    Raises:
        InputError: as `ChunkStore`.
    """
    with kept(f"{pathlib.Path(output)}.parts", fingerprint(array, model, settings), resume) as store:
        yield store


def fingerprint(array: LazyArray, model: str, settings: dict) -> dict:
    """All that an alignment depends on, for `ChunkStore`."""
    count, content = array.plane_count, hashlib.sha256()
    for number in sorted({0, count // 2, count - 1}):  # chunks of Zarr are too many files to ask each for its time
        content.update(array.planes([number]).tobytes())
    return {
        "volume": {
            "path": os.path.abspath(array.path),
            "shape": list(array.shape),
            "type": array.dtype.name,
            "files (names, sizes, times of change)": stamp(map(pathlib.Path, array.files)),
            "content of three sections": content.hexdigest(),
        },
        "settings": settings,
        "model": models.digest(models.find(model)),
        "versions": {name: version for name, version in versions().items() if name in ("udl_tf", "tensorflow", "numpy")},
    }

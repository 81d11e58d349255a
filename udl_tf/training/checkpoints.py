"""The state of a training run in files that are whole or not there: what ``fit --resume`` goes on from."""

import json
import logging
import pathlib
import shutil
import time
import zipfile

import numpy as np

from pipelines.errors import InputError
from pipelines.files.atomic import atomic_path

LOG = logging.getLogger(__name__)
KEPT = 2  # the one before is there if the last one is damaged
SHARE = 20  # a checkpoint follows the last one after at least this many times as long as that took to write
STATE = "state"


class Checkpoints:
    """A folder of checkpoints, ``step-NUMBER.npz``. A new one is written beside and renamed, then the oldest are deleted.

    Args:
        folder: made at the first checkpoint; its parent must exist. every: seconds between two checkpoints.
        writes: False for a worker that only reads what the chief has written.
    """

    def __init__(self, folder, every=30.0, writes=True):
        self.folder = pathlib.Path(folder)
        self.every, self.writes = every, writes
        self._due = time.monotonic() + every

    @property
    def due(self):
        """Whether it is time for the next one."""
        return self.writes and time.monotonic() >= self._due

    def save(self, step, arrays, state):
        """Write a checkpoint. Where that fails (a full disk) the training goes on, and a warning says so.

        Args:
            step: integer. arrays: list of NumPy arrays. state: anything JSON can hold; floats come back bit by bit.

        Returns:
            Whether it was written.
        """
        if not self.writes:
            return False
        start = time.monotonic()
        try:
            self.folder.mkdir(exist_ok=True)
            with atomic_path(self._path(step)) as part, open(part, "wb") as file:
                text = np.frombuffer(json.dumps(state).encode(), np.uint8)
                np.savez(file, **{STATE: text}, **{f"array_{number}": array for number, array in enumerate(arrays)})
        except (OSError, InputError) as error:
            message = getattr(error, "strerror", None) or error
            LOG.warning("cannot write the checkpoint of step %d (%s); training goes on without it", step, message)
            return False
        finally:
            now = time.monotonic()
            self._due = now + max(self.every, SHARE * (now - start))
        for path in self._paths()[:-KEPT]:
            path.unlink(missing_ok=True)
        return True

    def latest(self):
        """(step, arrays, state) of the last sound checkpoint, or None. Damaged ones are named in the log and passed over."""
        for path in reversed(self._paths()):
            try:
                # Every member of the archive has a checksum, which reading it to its end compares.
                with np.load(path, allow_pickle=False) as content:
                    state = json.loads(bytes(content[STATE]))
                    arrays = [content[f"array_{number}"] for number in range(len(content.files) - 1)]
                return int(path.stem.split("-")[1]), arrays, state
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
                LOG.warning("%s is damaged (%s): going back to the checkpoint before", path, error)
        return None

    def remove(self):
        """Delete the folder, once the run is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, step):
        return self.folder / f"step-{step:08d}.npz"

    def _paths(self):
        """All checkpoints, the oldest first."""
        return sorted(self.folder.glob("step-*.npz"))

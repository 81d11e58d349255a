"""Chunks on the workers of a Dask cluster, on any number of machines."""

import asyncio
import contextlib
import functools
import json
import logging
import pathlib
import pickle
import sys
import time
from concurrent.futures import CancelledError

from pipelines.errors import InputError

LOG = logging.getLogger(__name__)
SECONDS_TO_CONNECT = 10
SECONDS_BETWEEN_COUNTS = 5  # of the workers, which come and go


class DaskCluster:
    """An executor (see `udl_tf.chunks.executors.open_executor`) that hands chunks to a Dask scheduler.

    The scheduler does the chunk of a lost worker again, up to its setting `distributed.scheduler.allowed-failures` (3).
    """

    def __init__(self, scheduler, prepare):
        try:
            from distributed import Client
            from distributed.comm import resolve_address
        except ImportError:
            raise InputError('a scheduler needs Dask, which is not installed: pip install "udl_tf[dask]"') from None
        self._scheduler, self._prepare = scheduler, prepare
        try:
            # Resolved first: a client with a malformed address leaves threads behind, and waits for a missing file for ever.
            address = resolve_address(_address(scheduler))
            self._client = Client(address, timeout=SECONDS_TO_CONNECT, set_as_default=False)
        except (OSError, ValueError, asyncio.TimeoutError) as error:
            raise InputError(f"{scheduler}: no Dask scheduler answers ({error}): expected one like tcp://node:8786") from None
        self._counted, self._threads = float("-inf"), 0
        if not self._count():
            LOG.warning("%s has no workers yet: waiting for them", scheduler)

    @property
    def in_flight(self):
        """Two chunks for each thread of the cluster, as it is now."""
        return max(2, 2 * self._count())

    def _count(self):
        if time.monotonic() > self._counted + SECONDS_BETWEEN_COUNTS:
            self._threads, self._counted = sum(self._client.nthreads().values()), time.monotonic()
        return self._threads

    @contextlib.contextmanager
    def stage(self, function, payload):
        # As a task of its own it goes to each worker once, and is made again if the workers that had it are lost.
        blob = pickle.dumps((function, payload), protocol=pickle.HIGHEST_PROTOCOL)
        task = self._client.submit(bytes, blob, pure=False)
        fixed = task, self._prepare, _versions()
        yield lambda start, stop: _Chunk(
            self._client.submit(_compute, *fixed, start, stop, pure=False), self._scheduler, start, stop
        )

    def close(self):
        self._client.close(timeout=5)


class _Chunk:
    """A Dask future of one chunk, whose errors of Dask become errors of ours."""

    def __init__(self, future, scheduler, start, stop):
        self._future, self._scheduler = future, scheduler
        self._name = f"items {start + 1} to {stop}"

    def result(self):
        from distributed import KilledWorker

        try:
            return self._future.result()
        except KilledWorker as error:  # Dask also counts chunks that only waited on that worker
            raise InputError(
                f"{self._name}: {error.allowed_failures + 1} workers died with them, the last {error.last_worker.address}: "
                "expected enough memory for every worker"
            ) from None
        except ModuleNotFoundError as error:
            raise InputError(f"{self._scheduler}: a worker lacks the module {error.name}, expected the same packages") from None
        except CancelledError as error:
            raise InputError(f"lost the scheduler {self._scheduler} ({error}): start again with --resume") from None

    def cancel(self):
        self._future.cancel()


def _address(scheduler):
    """The address itself, or the one in a scheduler file."""
    if not str(scheduler).endswith(".json"):
        return scheduler
    found = json.loads(pathlib.Path(scheduler).read_text(encoding="utf-8"))
    if not isinstance(found, dict) or "address" not in found:
        raise ValueError("no address in this file")
    return found["address"]


def _versions():
    """What has to be the same on every machine for the same bytes; packages that are not loaded are left out."""
    loaded = {name: sys.modules[name].__version__ for name in ("numpy", "tensorflow", "udl_tf") if name in sys.modules}
    return {"python": "{}.{}".format(*sys.version_info), **loaded}


@functools.lru_cache(maxsize=2)
def _loaded(blob):
    """(function, payload) of a stage, on a worker, where many chunks share them."""
    return pickle.loads(blob)


def _compute(blob, prepare, expected, start, stop):
    """One chunk, on a worker."""
    prepare()  # before the function's module is imported, which may import TensorFlow
    here = _versions()
    for name in expected.keys() & here.keys():
        if here[name] != expected[name]:
            raise InputError(f"a worker has {name} {here[name]}: expected {expected[name]}, as where the job was started")
    function, payload = _loaded(blob)
    return function(payload, start, stop)

"""Where chunks are computed: threads of this process, worker processes, or a Dask cluster.

Every chunk gives the same bytes wherever it runs. Sums of floating-point numbers depend on how many threads share them, so
each chunk is computed by one thread (`single_threaded`), and speed comes from several chunks at once.
"""

import contextlib
import logging
import os
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from pipelines.errors import InputError

LOG = logging.getLogger(__name__)
_IMPORTING = threading.Lock()  # stderr is turned away meanwhile: by one thread at a time


@contextlib.contextmanager
def open_executor(workers=1, scheduler=None, prepare=None):
    """Context manager: an executor for `udl_tf.chunks.run.run`.

    An executor has ``in_flight``, the number of chunks worth handing out before the first of them is back, and
    ``stage(function, payload)``, a context manager of a function ``submit(start, stop)`` that returns a future.

    Args:
        workers: 1 for this process, with a thread for each core it may use; more for as many spawned processes.
        scheduler: address of a Dask scheduler, such as tcp://node:8786, or its .json scheduler file; or None.
        prepare: module-level function that every worker process calls before its first chunk; default: `start_worker`.

    Raises:
        InputError: `workers` below 1, or together with `scheduler`; no Dask, or no scheduler at this address.
    """
    if workers < 1:
        raise InputError(f"{workers} workers: expected 1 or more")
    if scheduler and workers > 1:
        raise InputError(f"received {workers} workers and the scheduler {scheduler}, which has its own: expected one")
    if scheduler:
        from udl_tf.chunks.dask_cluster import DaskCluster  # Dask is an extra

        executor = DaskCluster(scheduler, prepare or start_worker)
    elif workers > 1:
        from udl_tf.chunks.worker_processes import WorkerProcesses

        executor = WorkerProcesses(workers, prepare or start_worker)
    else:
        executor = Threads()
    try:
        yield executor
    finally:
        executor.close()


class Threads:
    """Chunks in threads of this process; TensorFlow and NumPy let go of Python's lock while they compute."""

    def __init__(self):
        self._cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        self._pool = ThreadPoolExecutor(self._cores, thread_name_prefix="chunk")
        self.in_flight = 2 * self._cores

    @contextlib.contextmanager
    def stage(self, function, payload):
        yield lambda start, stop: self._pool.submit(function, payload, start, stop)

    def close(self):
        self._pool.shutdown(cancel_futures=True)


class Here:
    """Chunks one after the other, in the thread that asks: for work whose chunks begin where the last one ended."""

    in_flight = 1

    @contextlib.contextmanager
    def stage(self, function, payload):
        def submit(start, stop):
            done = Future()
            done.set_result(function(payload, start, stop))
            return done

        yield submit


def single_threaded():
    """Let TensorFlow, NumPy and OpenCV compute each operation with one thread, in this process, from now on.

    Call it before TensorFlow's first operation; calling it again does nothing.

    Returns:
        True; False, with one line logged, if TensorFlow has started its threads already and keeps them. Results may then differ
        in their last digits from those of other machines.
    """
    with _IMPORTING:
        if "tensorflow" not in sys.modules:
            from udl_tf.commands import import_tensorflow

            import_tensorflow()  # without the lines it writes to stderr at its start
    import cv2
    import tensorflow as tf
    from threadpoolctl import threadpool_limits

    cv2.setNumThreads(1)  # its flow is found in as many strips as there are threads
    threadpool_limits(limits=1)  # matrix products of NumPy (OpenBLAS, MKL), whose bytes depend on it, too
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
    except RuntimeError:
        LOG.warning(
            "TensorFlow runs with several threads an operation already: results may differ in their last digits from "
            "those of other machines (call single_threaded before TensorFlow's first operation)"
        )
        return False
    return True


def start_worker():
    """What a worker process does before its first chunk.

    Raises:
        InputError: TensorFlow has been used in it with other settings.
    """
    # A worker takes of a GPU what it needs and leaves the rest to its neighbours.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    if not single_threaded():
        raise InputError("this worker process has used TensorFlow before: expected freshly started workers")

"""Chunks in worker processes of this machine; one that dies is replaced and has its chunk done again.

Dask's `LocalCluster` would do, too. It stays an extra: two of its workers took 4 CPU seconds to start and stop where these
take 0.9 (of which every alignment with `--workers` would pay), it blames chunks that only waited beside the one that kills
its worker, and a bare install would need Dask, Tornado and a dozen more for an option that most never use.
"""

import contextlib
import logging
import multiprocessing
import pickle
import queue
import signal
import threading
import traceback
from concurrent.futures import CancelledError, ThreadPoolExecutor
from multiprocessing import resource_tracker

from pipelines.errors import InputError

LOG = logging.getLogger(__name__)
RETRIES = 3  # times that one chunk is done again after its worker died, as in Dask


class WorkerProcesses:
    """An executor (see `udl_tf.chunks.executors.open_executor`) of `workers` spawned processes.

    Each worker has a thread here that hands it one chunk at a time, so that it is known which chunk a dead one had.
    Processes are spawned when there is work: TensorFlow does not survive a fork.
    """

    def __init__(self, workers, prepare):
        self.in_flight = 2 * workers
        self._prepare = prepare
        self._lock, self._closed, self._running = threading.Lock(), False, set()
        self._idle = queue.SimpleQueue()
        for _ in range(workers):
            self._idle.put(None)  # None: to be started
        resource_tracker.ensure_running()  # now: its start lets Ctrl-C through to the thread that needs it first
        self._threads = ThreadPoolExecutor(workers, initializer=_block_interrupt)

    @contextlib.contextmanager
    def stage(self, function, payload):
        blob = pickle.dumps((function, payload), protocol=pickle.HIGHEST_PROTOCOL)
        yield lambda start, stop: self._threads.submit(self._compute, blob, start, stop)

    def _compute(self, stage, start, stop):
        worker = self._idle.get()
        try:
            for attempt in range(1 + RETRIES):
                worker = worker or self._start()
                try:
                    return worker.compute(stage, start, stop)
                except _WorkerDiedError as died:
                    with self._lock:
                        self._running.discard(worker)
                        if self._closed:
                            raise CancelledError from None
                    worker, how = None, died
                    again = ", its chunk is done again" if attempt < RETRIES else ""
                    LOG.warning("a worker died at items %d to %d (%s)%s", start + 1, stop, how, again)
            raise InputError(
                f"items {start + 1} to {stop}: {1 + RETRIES} workers died with them, the last {how}: expected enough "
                "memory for every worker (fewer --workers need less)"
            )
        finally:
            self._idle.put(worker)

    def _start(self):
        with self._lock:
            if self._closed:
                raise CancelledError
            worker = _Worker(self._prepare)
            self._running.add(worker)
            return worker

    def close(self):
        """Stop at once: chunks that are being computed are lost."""
        with self._lock:
            self._closed = True
            for worker in self._running:
                worker.process.kill()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._running:
            worker.process.join()


class _WorkerDiedError(Exception):
    """The process ended before it answered; the message says how."""


class _TracebackError(Exception):
    """The cause of an exception that comes from a worker: its traceback there, as text."""

    def __str__(self):
        return f'\n"""\n{self.args[0]}"""'


class _Worker:
    """A process that computes one chunk at a time."""

    def __init__(self, prepare):
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._stage = None
        self.process = context.Process(target=_serve, args=(other, prepare), daemon=True)
        self.process.start()
        other.close()  # the process alone holds that end, so that its death is noticed here

    def compute(self, stage, start, stop):
        """The arrays of one chunk; `stage` is sent only if the worker does not have it yet."""
        known, self._stage = self._stage, None
        try:
            self._connection.send((None if stage is known else stage, start, stop))
            answer = self._connection.recv_bytes()
        except (EOFError, OSError):
            self._connection.close()
            self.process.join()
            raise _WorkerDiedError(_how(self.process.exitcode)) from None
        arrays, error, text = pickle.loads(answer)
        if isinstance(error, InputError):
            raise error
        if error is not None:
            raise error from _TracebackError(text)
        self._stage = stage
        return arrays


def _how(code):
    """How a process ended, from its exit code, in words."""
    if code is None or code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name
    return f"killed by {name}{', out of memory?' if name == 'SIGKILL' else ''}"


def _block_interrupt():
    """Keep Ctrl-C from this thread and, because they inherit it, from the processes it starts."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _serve(connection, prepare):
    """What a worker does until its connection closes: by `close`, or because the main process is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ready, function, payload = False, None, None
    with contextlib.suppress(EOFError, OSError):
        while True:
            stage, start, stop = connection.recv()
            try:
                if not ready:
                    prepare()
                    ready = True
                if stage is not None:
                    function, payload = pickle.loads(stage)
                answer = pickle.dumps((function(payload, start, stop), None, None), protocol=pickle.HIGHEST_PROTOCOL)
            except Exception as error:
                answer = pickle.dumps((None, _portable(error), traceback.format_exc()))
            connection.send_bytes(answer)


def _portable(error):
    """The exception, if it survives the way; else one that says what it was."""
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")

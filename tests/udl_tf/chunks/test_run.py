"""Chunks through every executor: order, memory, lost workers, and jobs that are killed."""

import contextlib
import functools
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from tqdm import tqdm

from pipelines.errors import InputError
from udl_tf.chunks.executors import Here, open_executor
from udl_tf.chunks.run import ranges, run
from udl_tf.chunks.store import ChunkStore

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]


@pytest.fixture(scope="module")
def functions():
    """The module of functions, where worker processes find it, too: they get this process's search path."""
    sys.path.insert(0, str(HERE))
    import example_functions

    yield example_functions
    sys.path.remove(str(HERE))
    del sys.modules["example_functions"]


@pytest.fixture(scope="module")
def threads():
    with open_executor() as executor:
        yield executor


@pytest.fixture(scope="module")
def processes(functions):
    with open_executor(workers=2, prepare=functions.nothing) as executor:
        yield executor


@pytest.fixture(scope="module")
def dask(functions):
    """Two workers on this machine; the second death of a chunk's worker is the last."""
    distributed = pytest.importorskip("distributed")
    import dask

    settings = {"distributed.scheduler.allowed-failures": 1, "distributed.comm.timeouts.connect": "20s"}
    with (
        dask.config.set(settings),
        distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster,
        open_executor(scheduler=cluster.scheduler_address, prepare=functions.nothing) as executor,
    ):
        yield executor


@pytest.fixture(params=["threads", "processes", "dask"])
def executor(request):
    return request.getfixturevalue(request.param)


class Immediately:
    """An executor that computes at once, and counts the chunks that are handed out and not yet taken."""

    in_flight = 3

    def __init__(self):
        self.waiting = self.most = self.computed = 0

    @contextlib.contextmanager
    def stage(self, function, payload):
        def submit(start, stop):
            self.waiting, self.computed = self.waiting + 1, self.computed + 1
            self.most = max(self.most, self.waiting)
            return self.Future(self, function(payload, start, stop))

        yield submit

    class Future:
        def __init__(self, owner, value):
            self.owner, self.value = owner, value

        def result(self):
            self.owner.waiting -= 1
            return self.value

        def cancel(self):
            self.owner.waiting -= 1


def direct(functions, payload, count):
    return functions.numbers(payload, 0, count)["values"].tobytes()


def joined(parts):
    return np.concatenate([part["values"] for part in parts]).tobytes()


def test_order_and_bytes_are_those_of_one_call(functions, executor):
    payload = {"offset": 2.5, "pause": 0.03}  # chunks end in any order
    parts = list(run("a", functions.numbers, payload, ranges(103, 10), executor))
    assert [len(part["values"]) for part in parts] == [10] * 10 + [3]
    assert np.concatenate([part["index"] for part in parts]).tolist() == list(range(103))
    assert joined(parts) == direct(functions, payload, 103)
    assert list(run("a", functions.numbers, payload, ranges(0, 10), executor)) == []


def test_layout_in_memory_does_not_depend_on_the_executor(functions, executor, tmp_path):
    computed = next(run("a", functions.layouts, {}, ranges(1, 1), executor, ChunkStore(tmp_path / "job", {}, False)))
    read = next(run("a", functions.layouts, {}, ranges(1, 1), executor, ChunkStore(tmp_path / "job", {}, True)))
    for found in (computed, read):
        assert sorted(found) == ["fixed", "fortran", "scalar", "strided"]
        assert found["strided"].strides == (24, 8) and found["fortran"].strides == (48, 8)
        assert found["strided"].tolist()[1] == [6.0, 8.0, 10.0]
        assert found["scalar"].shape == () and found["scalar"].dtype == np.float32
        assert all(array.flags.writeable for array in found.values())


def test_no_more_chunks_than_in_flight(functions):
    executor = Immediately()
    chunks = run("a", functions.numbers, {"offset": 0.0}, ranges(100, 5), executor)
    for _ in range(4):
        next(chunks)
        assert executor.computed - 1 <= 3 + 4  # never far ahead of the one who takes them
    assert executor.most == 3
    chunks.close()  # whoever stops early leaves nothing behind
    assert executor.waiting == 0 and executor.computed < 20


def test_finished_chunks_come_from_the_store(functions, tmp_path):
    payload, store = {"offset": 1.0}, ChunkStore(tmp_path / "job", {}, False)
    chunks = run("a", functions.numbers, payload, ranges(100, 10), Immediately(), store)
    for _ in range(4):
        next(chunks)
    chunks.close()
    second = Immediately()
    with tqdm(total=100, file=open(os.devnull, "w")) as bar:  # noqa: SIM115
        chunks = run("a", functions.numbers, payload, ranges(100, 10), second, store, bar)
        parts = [next(chunks) for _ in range(4)]
        assert (bar.n, bar.initial) == (40, 40)  # there already: no credit for speed
        parts += chunks
        assert (bar.n, bar.initial) == (100, 40)
    assert second.computed == 6
    assert joined(parts) == direct(functions, payload, 100)
    third = Immediately()
    assert joined(run("a", functions.numbers, payload, ranges(100, 10), third, store, tqdm(disable=True))) == joined(parts)
    assert third.computed == 0


def test_damaged_and_other_chunks_are_computed_again(functions, tmp_path):
    payload, store = {"offset": 1.0}, ChunkStore(tmp_path / "job", {}, False)
    list(run("a", functions.numbers, payload, ranges(50, 10), Immediately(), store))
    file = tmp_path / "job" / "a" / "00000002.chunk"
    file.write_bytes(file.read_bytes()[:-30])
    second = Immediately()
    assert joined(run("a", functions.numbers, payload, ranges(50, 10), second, store)) == direct(functions, payload, 50)
    assert second.computed == 1
    third = Immediately()  # another chunk size, although the fingerprint did not tell
    assert joined(run("a", functions.numbers, payload, ranges(50, 7), third, store)) == direct(functions, payload, 50)
    assert third.computed == 8


@pytest.mark.parametrize("which", ["processes", "dask"])
def test_the_payload_goes_to_a_worker_once(functions, which, request):
    payload = {"image": np.zeros(100_000)}
    parts = list(run("a", functions.who, payload, ranges(40, 2), request.getfixturevalue(which)))
    seen = {(part["process"][0], part["payload"][0]) for part in parts}
    assert len(seen) == len({process for process, _ in seen}) <= 2 < len(parts)
    assert os.getpid() not in {process for process, _ in seen}


def test_bad_input_in_a_worker_is_one_line(functions, executor):
    chunks = run("a", functions.refuse, {"offset": 0.0}, ranges(50, 10), executor)
    assert len(next(chunks)["values"]) == len(next(chunks)["values"]) == 10
    with pytest.raises(InputError, match="^image 20 is odd$"):
        next(chunks)
    assert len(list(run("b", functions.numbers, {"offset": 0.0}, ranges(50, 10), executor))) == 5  # the executor still works


def test_other_errors_bring_their_traceback(functions, executor):
    with pytest.raises(KeyError, match="missing_key") as caught:
        list(run("a", functions.fail, {}, ranges(20, 10), executor))
    text = "".join(str(line) for line in caught.traceback) + str(caught.value.__cause__)
    assert "example_functions.py" in text and "fail" in text


def test_an_error_that_cannot_travel_still_says_what_it_was(functions, processes):
    with pytest.raises(RuntimeError, match="LocalError: this and that"):
        list(run("a", functions.fail_oddly, {}, ranges(20, 10), processes))


@pytest.mark.parametrize("which", ["processes", "dask"])
def test_a_lost_workers_chunk_is_done_again(functions, which, request, tmp_path):
    payload = {"offset": 0.5, "at": 20, "once": str(tmp_path)}
    parts = list(run("a", functions.die, payload, ranges(60, 5), request.getfixturevalue(which)))
    assert (tmp_path / "died").exists()
    assert joined(parts) == direct(functions, payload, 60)


@pytest.mark.once("chunks know no TensorFlow")
def test_a_chunk_that_kills_every_worker_is_one_clear_error(functions, processes):
    chunks = run("a", functions.die, {"offset": 0.0, "at": 10}, ranges(40, 10), processes)
    assert len(next(chunks)["values"]) == 10
    with pytest.raises(InputError, match="^items 11 to 20: 4 workers died with them, the last killed by SIGKILL, out of memory"):
        next(chunks)
    assert len(list(run("b", functions.numbers, {"offset": 0.0}, ranges(50, 10), processes))) == 5


@pytest.mark.once("chunks know no TensorFlow")
def test_a_chunk_that_kills_every_dask_worker_is_one_clear_error(functions, dask):
    # Which chunk is named is for Dask to say: it blames those that wait on the same worker, too.
    with pytest.raises(InputError, match="^items [0-9]+ to [0-9]+: 2 workers died with them, the last tcp.*enough memory"):
        list(run("a", functions.die, {"offset": 0.0, "at": 10}, ranges(40, 10), dask))
    assert len(list(run("b", functions.numbers, {"offset": 0.0}, ranges(50, 10), dask))) == 5


def in_process(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, str(HERE / "example_functions.py"), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        # Who starts the tests in the background may have them ignore Ctrl-C, which children inherit.
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        **options,
    )


@pytest.mark.once("chunks know no TensorFlow")
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_twice_and_resumed_the_result_has_the_same_bytes(functions, workers, tmp_path):
    def finished():
        return len(list(folder.rglob("*.chunk")))

    folder, output, draw = tmp_path / "job", tmp_path / "out", random.Random(workers)
    for resume, target in (("new", draw.randrange(10, 60)), ("resume", draw.randrange(70, 160))):
        process = in_process(folder, workers, resume, output)
        while finished() < target:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.002)
        time.sleep(draw.uniform(0, 0.02))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert target <= finished() < 200 and not output.exists()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.chunk")}
    process = in_process(folder, workers, "resume", output)
    assert process.communicate()[1] == "" and process.returncode == 0
    assert all(path.stat().st_mtime_ns == changed for path, changed in before.items())  # none was done again
    assert output.read_bytes() == functions.job(tmp_path / "other", 1, False)


@pytest.mark.parametrize("chunks", [0, 20])
def test_interrupt_stops_at_once_without_noise_from_workers(functions, chunks, tmp_path):
    def workers():
        found = " ".join(path.read_text() for path in pathlib.Path(f"/proc/{process.pid}/task").glob("*/children")).split()
        return [pid for pid in found if "spawn_main" in pathlib.Path(f"/proc/{pid}/cmdline").read_text()]

    folder = tmp_path / "job"
    process = in_process(folder, 2, "new", tmp_path / "out", start_new_session=True)
    linux = os.path.isdir("/proc/self/task")
    # With no chunk done, the workers are still importing.
    while len(list(folder.rglob("*.chunk"))) < chunks or (linux and len(workers()) < 2):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.002)
    for pid in workers() if linux else ():
        blocked = re.search(r"SigBlk:\s*(\w+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)
        assert int(blocked, 16) >> (signal.SIGINT - 1) & 1  # from its first moment on
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    stderr = process.communicate(timeout=10)[1]
    assert time.monotonic() - began < 3
    assert process.returncode == -signal.SIGINT and stderr.endswith("KeyboardInterrupt\n")
    assert "spawn" not in stderr and "<string>" not in stderr  # where the traceback of a worker begins
    assert not chunks or ChunkStore(folder, {"items": 400}, resume=True).has("first", chunks - 1)


@pytest.mark.once("threads are set by one function, whose calls are old")
def test_tensorflow_in_a_worker_uses_one_thread_and_gives_the_same_bytes(functions, threads):
    payload = {"images": np.random.default_rng(0).normal(size=(24, 64, 64)).astype(np.float32)}
    with open_executor(workers=2) as executor:
        there = list(run("a", functions.with_tensorflow, payload, ranges(24, 12), executor))
    here = list(run("a", functions.with_tensorflow, payload, ranges(24, 12), threads))
    assert all(set(part["threads"].tolist()) == {1} for part in there)
    assert [part["power"].tobytes() for part in there] == [part["power"].tobytes() for part in here]


def test_single_threaded_says_when_it_is_too_late(caplog):
    import tensorflow as tf

    from udl_tf.chunks.executors import single_threaded, start_worker

    tf.constant(1) + 1  # TensorFlow has its threads now
    if tf.config.threading.get_intra_op_parallelism_threads() != 1:
        assert not single_threaded()
        assert "several threads" in caplog.text
        with pytest.raises(InputError, match="freshly started"):
            start_worker()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"workers": 0}, "0 workers: expected 1 or more"),
        ({"workers": 2, "scheduler": "tcp://a:1"}, "expected one"),
    ],
)
def test_options_that_make_no_sense(options, words):
    with pytest.raises(InputError, match=words), open_executor(**options):
        pass


def test_no_scheduler_is_one_line(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("udl_tf.chunks.dask_cluster.SECONDS_TO_CONNECT", 1)
    for address in ("tcp://127.0.0.1:9", "nonsense://x", "tcp://localhost", "not_there.json"):
        words = f"^{address}: no Dask scheduler answers.*expected one like"
        with pytest.raises(InputError, match=words) as caught, open_executor(scheduler=address):
            pass
        assert "\n" not in str(caught.value)


def test_without_dask_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r'pip install "udl_tf\[dask\]"'), open_executor(scheduler="tcp://127.0.0.1:9"):
        pass


def test_here_a_chunk_may_begin_where_the_last_one_ended(tmp_path):
    """It is not computed before the one before was taken, whether that came from the store or not."""
    taken, computed = [0.0], []

    def add(_, start, stop):
        computed.append(start)
        return {"sum": np.array(taken[-1] + sum(range(start, stop)))}

    for kept in (False, True):
        store = ChunkStore(tmp_path / "parts", {}, resume=kept)
        for part in run("sums", add, None, ranges(10, 4), Here(), store):
            taken.append(float(part["sum"]))
        assert taken == [0.0, 6.0, 28.0, 45.0] and computed == ([4] if kept else [0, 4, 8])
        (tmp_path / "parts" / "sums" / "00000001.chunk").unlink()
        taken[:], computed[:] = [0.0], []

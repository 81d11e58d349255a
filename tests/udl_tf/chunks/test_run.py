"""Chunks through every executor: order, memory, lost workers, and jobs that are killed."""

import contextlib
import os
import pathlib

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

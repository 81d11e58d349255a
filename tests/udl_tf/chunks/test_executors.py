"""What executors ask for, and what they say where it is not there."""

import sys

import numpy as np
import pytest

from pipelines.errors import InputError
from udl_tf.chunks.executors import open_executor
from udl_tf.chunks.run import ranges, run


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

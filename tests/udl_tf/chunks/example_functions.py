"""Functions that the tests of jobs run on chunks; worker processes import this file by its name."""

import os
import pathlib
import random
import signal
import sys
import time

import numpy as np

from pipelines.errors import InputError


def nothing():
    """In place of TensorFlow's start in a worker."""


def numbers(payload, start, stop):
    """What a chunk holds depends on its items alone."""
    pause = payload.get("pause", 0)
    time.sleep(random.uniform(0, pause))
    values = np.stack([np.random.default_rng(item).normal(size=5) for item in range(start, stop)])
    return {"values": values + payload["offset"], "index": np.arange(start, stop, dtype=np.int32)}


def layouts(payload, start, stop):
    """Arrays that lie in memory in different ways."""
    block = np.arange(24.0).reshape(4, 6) + start
    return {
        "fortran": np.asfortranarray(block),
        "strided": block[:, ::2],
        "scalar": np.float32(start),
        "fixed": np.broadcast_to(1, 3),
    }


def refuse(payload, start, stop):
    if start >= 20:
        raise InputError(f"image {start} is odd")
    return numbers(payload, start, stop)


def fail(payload, start, stop):
    return {"values": np.zeros(stop - start) / payload["missing_key"]}


class LocalError(Exception):
    """Cannot be rebuilt from its message alone, as some of TensorFlow's errors."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def fail_oddly(payload, start, stop):
    raise LocalError("this", "that")


def die(payload, start, stop):
    """Kills its worker at the chunk that begins at `at`: always, or the first time only where a folder `once` is given."""
    if start == payload["at"]:
        mark = pathlib.Path(payload["once"], "died") if "once" in payload else None
        if mark is None or not mark.exists():
            if mark:
                mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return numbers(payload, start, stop)


def who(payload, start, stop):
    """The process, and the payload object it has: the same for many chunks, if it was unpickled once."""
    return {"process": np.array([os.getpid()]), "payload": np.array([id(payload)])}


def with_tensorflow(payload, start, stop):
    import tensorflow as tf
    from threadpoolctl import threadpool_info

    images = tf.cast(payload["images"][start:stop], tf.complex64)
    power = tf.abs(tf.signal.fft2d(images)) ** 2
    blas = [found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas"]
    return {
        "power": tf.reduce_mean(power, axis=(1, 2)).numpy(),
        "threads": np.array([tf.config.threading.get_intra_op_parallelism_threads(), *blas]),
    }


def job(folder, workers, resume):
    """A job that takes a second or so: all values, in order."""
    from udl_tf.chunks.executors import open_executor
    from udl_tf.chunks.run import ranges, run
    from udl_tf.chunks.store import ChunkStore

    store = ChunkStore(folder, {"items": 400}, resume)
    parts = []
    with open_executor(workers, prepare=nothing) as executor:
        for stage in ("first", "second"):
            # The second stage builds on the result of the first, as an alignment to a new average does.
            payload = {"offset": float(np.sum([part["values"].sum() for part in parts])), "pause": 0.01}
            parts += run(stage, numbers, payload, ranges(400, 4), executor, store)
    return np.concatenate([part["values"] for part in parts]).tobytes()


if __name__ == "__main__":
    found = job(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "resume")
    pathlib.Path(sys.argv[4]).write_bytes(found)

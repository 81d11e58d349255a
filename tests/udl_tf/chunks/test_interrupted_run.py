"""Runs of chunks in a process of their own that are killed or interrupted."""

import functools
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

import pytest

from udl_tf.chunks.store import ChunkStore

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]


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

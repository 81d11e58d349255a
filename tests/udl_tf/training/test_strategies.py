"""Several replicas train as one process does on the same whole batch: same losses, same gradients."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest

PROGRAM = pathlib.Path(__file__).with_name("strategy_program.py")
ROOT = PROGRAM.parents[3]
LIMIT = 400  # seconds, on a machine where much else is going on; 10 to 60 are usual
pytestmark = pytest.mark.slow("three processes, each of which imports TensorFlow and traces a training or three")


HERE = ("one", "mirrored", "deterministic")  # one after the other in one process, which has two devices


def start(*names, **variables):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", **variables}
    command = [sys.executable, str(PROGRAM), *names]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def worker_variables(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("localhost", 0))  # all at once, so that the ports differ
    cluster = {"worker": [f"localhost:{each.getsockname()[1]}" for each in sockets]}
    for each in sockets:
        each.close()
    tasks = [{"type": "worker", "index": index} for index in range(count)]
    return [{"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})} for task in tasks]


@pytest.fixture(scope="module")
def runs():
    """What each training printed; all of the processes run at the same time."""
    started = {HERE: start(*HERE)}
    started |= {(f"worker {i}",): start("multiworker", **variables) for i, variables in enumerate(worker_variables(2))}
    try:
        ended = {names: process.communicate(timeout=LIMIT) for names, process in started.items()}
    finally:
        for process in started.values():
            process.kill()
    failed = [f"{names}: {ended[names][1][-2000:]}" for names, process in started.items() if process.returncode]
    assert not failed, "\n".join(failed)
    lines = {names: out.splitlines()[-len(names) :] for names, (out, _) in ended.items()}
    return {name: json.loads(line) for names in lines for name, line in zip(names, lines[names], strict=True)}


def test_one_process_learns_something(runs):
    """Otherwise the others' agreement with it would say little."""
    losses = [logs["loss"] for logs in runs["one"]["logs"]]
    assert len(losses) == 6 and np.std(losses) > 0.05 and runs["one"]["replicas"] == 1


@pytest.mark.parametrize("name", ["mirrored", "worker 0", "worker 1"])
def test_replicas_follow_the_curve_of_one_process(runs, name):
    one, several = runs["one"], runs[name]
    assert several["replicas"] == 2
    for part in ("loss", "loss_udl", "loss_self"):
        expected, found = ([logs[part] for logs in run["logs"]] for run in (one, several))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)  # a loss is 1 less a cosine: float32 about 1
    largest = np.abs(one["moved"]).max()
    assert largest > 0.1  # against the 1e-5 below
    np.testing.assert_allclose(several["moved"], one["moved"], rtol=0, atol=1e-4 * largest)


def test_workers_agree_where_one_of_them_asks(runs):
    assert runs["one"]["agreed"] == runs["mirrored"]["agreed"] == [False, False, True, False]  # alone: what it asks
    assert runs["worker 0"]["agreed"] == runs["worker 1"]["agreed"] == [False, True, True, False]


def test_time_is_told_once_not_summed_over_replicas(runs):
    now = runs["one"]["logs"][-1]["fetched"]
    told = {name: run["logs"][-1]["fetched"] for name, run in runs.items() if name != "deterministic"}
    assert len(told) == 4 and all(abs(time - now) < 2 * LIMIT for time in told.values())


def test_op_determinism_changes_nothing_and_forbids_the_clock(runs):
    one, deterministic = runs["one"]["logs"], runs["deterministic"]["logs"]
    np.testing.assert_allclose([logs["loss"] for logs in deterministic], [logs["loss"] for logs in one], rtol=0, atol=1e-5)
    assert not any("fetched" in logs for logs in deterministic)


def test_only_the_first_worker_writes_files(runs):
    assert {name: run["chief"] for name, run in runs.items()} == {
        "one": True,
        "deterministic": True,
        "mirrored": True,
        "worker 0": True,
        "worker 1": False,
    }

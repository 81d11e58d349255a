"""Serving: throughput of concurrent clients against calling the SavedModel directly in one process, latency, memory.

    python benchmarks/serving.py
    python benchmarks/serving.py --seconds 10 --batches 64
    python benchmarks/serving.py --server localhost:8500

The model is exported to a temporary folder and served by `python -m udl_tf.serve --own`, or by the server named, which
serves the same model under its name; clients are threads of this process, each with its own `AlignClient`, so both ends share
the machine. Direct calls are timed before and after, for a third of the time each; every answer is compared with theirs.
Goal: at least 85 % of the throughput of direct calls of the same batch, no error, memory that does not grow.
"""

import contextlib
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

from harness import ROOT, progress, run

GOAL = "85 %"
SAMPLES = 4  # different batches, taken in turn
TOLERANCE = 0.01  # degrees, by which an answer may differ from a direct call in another batch


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("--model", default="cryo", metavar="NAME|DIR", help="see udl_tf.load (default: cryo)")
    parser.add_argument("--server", metavar="HOST:PORT", help="of a server that runs already (default: start one)")
    parser.add_argument("--clients", type=int, default=8, help="at a time (default: 8)")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 64], metavar="N", help="pairs a request (default: 1 64)")
    parser.add_argument("--box", type=int, default=128, metavar="PX", help="side of the images (default: 128)")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each batch size (default: 60)")


def main(args):
    """The rows of the table."""
    from udl_tf.alignment.models import find
    from udl_tf.serving.exporting import export

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        exported = export(find(args.model), pathlib.Path(folder) / args.model)
        direct = Direct(exported)
        with server(folder) if not args.server else contextlib.nullcontext((args.server, None)) as (address, process):
            for batch in args.batches:
                progress(f"batch {batch}")
                samples = [make_pairs(batch, args.box, seed) for seed in range(SAMPLES)]
                wanted = [direct.call(*sample)["angle"] for sample in samples]
                rate = direct.rate(samples, args.seconds / 3)
                memory = Memory(process)
                served = serve_clients(address, args, samples, wanted)
                resident = memory.stop()
                rate = (rate + direct.rate(samples, args.seconds / 3)) / 2
                rows.append(
                    {
                        "batch": batch,
                        "clients": args.clients,
                        "direct pairs/s": rate,
                        "served pairs/s": served["rate"],
                        "share %": 100 * served["rate"] / rate,
                        "goal": GOAL,
                        "p50 ms": served["p50"],
                        "p99 ms": served["p99"],
                        "requests": served["requests"],
                        "errors": served["errors"],
                        **resident,
                    }
                )
    return rows


class Direct:
    """The SavedModel, called in this process."""

    def __init__(self, folder):
        import tensorflow as tf

        self._model = tf.saved_model.load(str(folder))
        self._constant = tf.constant

    def call(self, fixed, moving):
        """Outputs by name: arrays."""
        signature = self._model.signatures["serving_default"]
        outputs = signature(fixed=self._constant(fixed), moving=self._constant(moving))
        return {name: value.numpy() for name, value in outputs.items()}

    def rate(self, samples, seconds):
        """Pairs a second, one call after the other."""
        for sample in samples:
            self.call(*sample)
        start, count = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            count += len(self.call(*samples[count % len(samples)])["angle"])
        return count / (time.perf_counter() - start)


def serve_clients(address, args, samples, wanted):
    """Let clients send requests for some seconds: pairs a second, percentiles of latency in ms, requests, errors."""
    import numpy as np

    from udl_tf.client import AlignClient

    latencies, errors, lock = [], [], threading.Lock()
    ready, stop = threading.Barrier(args.clients + 1), threading.Event()

    def client(number):
        with AlignClient(address, pathlib.Path(args.model).name) as aligner:
            aligner.align(*samples[0], report=False)
            ready.wait()
            turn = number
            while not stop.is_set():
                turn = (turn + 1) % len(samples)
                start, failed = time.perf_counter(), None
                try:
                    found = aligner.align(*samples[turn], report=False).angle
                    if np.abs((found - wanted[turn] + 180) % 360 - 180).max() > TOLERANCE:
                        failed = "wrong angles"
                except Exception as error:
                    failed = str(error)
                with lock:
                    latencies.append(time.perf_counter() - start)
                    errors.extend([failed] if failed else [])

    threads = [threading.Thread(target=client, args=(number,)) for number in range(args.clients)]
    for thread in threads:
        thread.start()
    ready.wait()
    start = time.perf_counter()
    time.sleep(args.seconds)
    stop.set()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    for error in sorted(set(errors)):
        progress(f"{errors.count(error)} times: {error}")
    p50, p99 = np.percentile(latencies, [50, 99]) * 1000
    rate = len(latencies) * len(wanted[0]) / seconds
    return {"rate": rate, "p50": p50, "p99": p99, "requests": len(latencies), "errors": len(errors)}


class Memory:
    """Resident memory of the server, looked at every half second: after the first third of the time, and at the end."""

    def __init__(self, process):
        self._process, self._seen, self._stopped = process, [], threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self):
        """Columns of the table; none where the server is not ours."""
        self._stopped.set()
        self._thread.join()
        if not self._seen:
            return {}
        early = max(self._seen[: max(1, len(self._seen) // 3)])
        return {"MB in the first third": early, "MB in the last": max(self._seen[-max(1, len(self._seen) // 3) :])}

    def _watch(self):
        while self._process is not None and not self._stopped.wait(0.5):
            with contextlib.suppress(OSError):
                lines = pathlib.Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
                self._seen.append(next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS")))


@contextlib.contextmanager
def server(folder):
    """Start `udl_tf.serve` on free ports; yields its address and its process, and stops it."""
    command = [sys.executable, "-m", "udl_tf.serve", "--own", "--model-base-path", folder, "--port", "0", "--rest-port", "-1"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().split()[-1]
        yield address, process
        process.send_signal(signal.SIGTERM)
        progress(f"the server ended with exit code {process.wait(60)}")
    finally:
        process.kill()
        process.wait()


def make_pairs(count, box, seed):
    """Noisy pairs of phantoms: fixed and moving (count, box, box)."""
    from pipelines import noise, pairs
    from pipelines.pictures import phantoms

    clean = phantoms.particles(8, box, seed=seed)
    inputs, _ = pairs.collect(pairs.simulated(clean, noise.parse("gaussian:0.1"), count, seed=seed), count)
    return inputs["fixed"], inputs["moving"]


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))

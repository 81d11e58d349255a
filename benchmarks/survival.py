"""Kills one training run again and again, at random moments, and compares its end with that of the unbroken run.

    python benchmarks/survival.py --kills 20

Both are `python -m udl_tf.fit` on phantoms, on this machine; the kills are SIGKILLs at moments drawn from the seed, counted from
the start of the process. The weights must agree bit by bit.
"""

import hashlib
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

from harness import ROOT, progress, run

WEIGHTS = "model/1/variables/variables.data-00000-of-00001"


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("--kills", type=int, default=20, help="default: 20")
    parser.add_argument("--preset", default="cryo", help="default: cryo")
    parser.add_argument("--steps", type=int, default=4000, help="default: 4000")
    parser.add_argument("--batch", type=int, default=16, help="default: 16")
    parser.add_argument("--seed", type=int, default=0, help="of the moments, and of the training")


def main(args):
    """The rows of the table: one for each kill, one for the end."""
    settings = ("--preset", args.preset, "--steps", args.steps, "--batch", args.batch, "--seed", args.seed)
    with tempfile.TemporaryDirectory() as scratch:
        whole, broken = pathlib.Path(scratch, "whole"), pathlib.Path(scratch, "broken")
        progress("unbroken")
        begin = time.monotonic()
        process = start(*settings, "--output", whole)
        while not last_step(whole) and process.poll() is None:
            time.sleep(0.05)
        first = time.monotonic() - begin
        finish(process)
        unbroken = time.monotonic() - begin
        draw, rows = random.Random(args.seed), []
        while len(rows) < args.kills:
            wait = draw.uniform(0.0, 2.5 * first)
            process = start(*(("--resume", broken) if (broken / "config.json").exists() else (*settings, "--output", broken)))
            try:
                process.wait(timeout=wait)
                rows.append({"what": "finished before the kill", "s": wait})
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            rows.append({"what": f"kill {len(rows) + 1}", "s": wait, "last checkpoint": last_step(broken)})
            progress(f"{rows[-1]}")
        if not (broken / "metrics.json").exists():
            finish(start("--resume", broken))
        ends = [json.loads((folder / "metrics.json").read_text()) for folder in (whole, broken)]
        sums = [hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()[:16] for folder in (whole, broken)]
        same = sums[0] == sums[1] and all(ends[0][key] == ends[1][key] for key in ("loss", "rotation_error_deg", "bias_deg"))
        found = {"what": "end", "s": unbroken, "last checkpoint": ends[1]["steps"], "weights": sums[1], "unbroken": sums[0]}
        return [*rows, {**found, "same": "yes" if same else "NO"}]


def start(*arguments):
    """A process of ``fit``."""
    line = [sys.executable, "-m", "udl_tf.fit", *map(str, arguments), "--json", "--checkpoint-every", "0.5"]
    return subprocess.Popen(line, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(process):
    """Wait for the end of a process that must succeed."""
    _, errors = process.communicate()
    if process.returncode:
        raise SystemExit(f"fit ended with {process.returncode}: {errors}")


def last_step(folder):
    """The step of a run's last checkpoint, or 0."""
    names = sorted(path.stem for path in (folder / "checkpoints").glob("step-*.npz"))
    return int(names[-1].split("-")[1]) if names else 0


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))

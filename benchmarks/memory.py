"""Goal 9: peak memory of training on, and of aligning, a stack of 20,000 images of 128 pixels (1.3 GB).

    python benchmarks/memory.py

Each command runs as a process of its own; the peak is its resident memory as the kernel reports it when it has ended,
which counts mapped file pages while they are mapped. Goal: at most 2.5 GB. The stack is written to a temporary folder
(--folder).
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

from harness import ROOT, progress, run

GOAL = 2.5  # GB


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("--images", type=int, default=20_000, help="of the stack (default: 20,000)")
    parser.add_argument("--align-images", type=int, help="align a stack of this size instead (default: the whole one)")
    parser.add_argument("--steps", type=int, default=60, help="of training (default: 60)")
    parser.add_argument("--model", metavar="NAME|DIR", help="to align with (default: the model just trained)")
    parser.add_argument("--folder", metavar="DIR", help="where to make the temporary folder")


def main(args):
    """The rows of the table."""
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        folder = pathlib.Path(folder)
        stack, fitted = folder / "stack.mrcs", folder / "run"
        progress(f"writing {args.images} images")
        make_stack(stack, args.images)
        fit = ["udl_tf.fit", "--preset", "cryo", "--data", stack, "--steps", args.steps, "--output", fitted, "--json"]
        rows = [{"command": "fit --data", "images": args.images, **peak(fit)}]
        count = min(args.align_images or args.images, args.images)
        if count < args.images:
            make_stack(stack, count)
        model, output = args.model or fitted, folder / "out.star"
        align = ["udl_tf.align", stack, "--reference", 1, "--model", model, "--output", output]
        rows.append({"command": "align --output", "images": count, **peak(align)})
    return [{**row, "goal GB": GOAL} for row in rows]


def make_stack(path, count, chunk=1000):
    """Write noisy copies of phantoms, `count` images of 128 x 128 pixels, chunk by chunk."""
    from pipelines import noise, pairs
    from pipelines.files.mrc import mrc_writer
    from pipelines.pictures import phantoms

    clean = phantoms.particles(20, 128, seed=0)
    simulated = pairs.simulated(clean, noise.parse("gaussian:0.1"), chunk, seed=0).as_numpy_iterator()
    with mrc_writer(path, pixel_size=1.0) as append:
        for left in range(count, 0, -chunk):
            append(next(simulated)[0]["fixed"][:left])


def peak(arguments):
    """Run ``python -m ...`` and wait: its largest resident memory (GB of 10^9 bytes) and its seconds."""
    command = [sys.executable, "-m", *map(str, arguments)]
    progress(" ".join(command[1:]))
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    unit = 1 if sys.platform == "darwin" else 1024
    return {"peak GB": usage.ru_maxrss * unit / 1e9, "seconds": time.perf_counter() - start}


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))

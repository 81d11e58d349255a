"""How many particles a second a model of many views classes, arrays in and arrays out.

    python benchmarks/classify_speed.py --data ../shared/data

A model of 20 views of 64 pixels is learned by `fit --preset cryo-views` from set D of `mixtures.sets` (one molecule in all
directions); then new particles of the same set are classed. The first batch, which traces the graph, is told apart.
`particles/s` are by the clock, of the best of three passes; `CPU ms` are those of the processor for a particle.
"""

import pathlib
import subprocess
import sys
import tempfile
import time

from harness import ROOT, add_data, data_path, progress, run


def add_args(parser):
    """Declare the arguments."""
    add_data(parser)
    parser.add_argument("--views", type=int, default=20, help="default: 20")
    parser.add_argument("--count", type=int, default=4000, help="particles that are classed (default: 4000)")
    parser.add_argument("--seed", type=int, default=1)


def main(args):
    """The rows of the table."""
    from mixtures import sets

    import udl_tf

    maps = data_path(args.data, "cryo", "maps")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        learned = sets.write(sets.make(maps, "D", args.seed, "report", None), folder, "learned")
        command = ["-m", "udl_tf.fit", "--preset", "cryo-views", "--data", learned, "--views", str(args.views)]
        progress("learning views")
        subprocess.run([sys.executable, *map(str, command), "--output", f"{folder}/run"], cwd=ROOT, check=True)
        images = sets.make(maps, "D", args.seed + 1, "report", args.count).images
        model = udl_tf.load(f"{folder}/run")
        first = timed(lambda: model.classify(images[:64]))
        passes = [timed(lambda: model.classify(images)) for _ in range(3)]
    seconds, cpu = min(passes)
    row = {"views": args.views, "px": images.shape[-1], "particles": len(images), "first batch s": first[0]}
    return [row | {"particles/s": len(images) / seconds, "CPU ms": 1e3 * cpu / len(images)}]


def timed(work):
    """Seconds by the clock, and of the processor."""
    began = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began[0], time.process_time() - began[1]


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))

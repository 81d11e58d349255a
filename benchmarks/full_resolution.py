"""The signature `align_full` of an exported model beside `register_pair`, on pairs of pictures whose transforms are exact.

    python benchmarks/full_resolution.py --sizes 768x1024 1536x2048 8192x8192

Pictures are noise of several scales, cropped at whole pixels. Errors are root mean squares over the frame, in pixels; `apart` is
that of the two answers. `MB` is the largest memory of the process less what it had before, pictures of float32 excluded; needs
Linux. The model is exported to a temporary folder; both ways were called once before, on smaller pictures.
"""

import pathlib
import sys
import tempfile
import time

from harness import progress, run

SCALES = 1, 4, 16, 64, 256  # pixels
SHIFT = 9, -14


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("--sizes", nargs="+", default=["768x1024"], metavar="HxW", help="(default: 768x1024)")
    parser.add_argument("--model", default="photo", metavar="NAME|DIR")
    parser.add_argument("--repeats", type=int, default=3, help="of each call, the quickest counts (default: 3)")
    parser.add_argument("--seed", type=int, default=30)


def main(args):
    """The rows of the table."""
    import numpy as np
    import tensorflow as tf

    import udl_tf
    from pipelines.geometry import frames
    from udl_tf.alignment.models import find
    from udl_tf.registration.pairs import register_pair
    from udl_tf.serving.exporting import export

    aligner, rows = udl_tf.load(args.model), []
    with tempfile.TemporaryDirectory() as folder:
        served = tf.saved_model.load(str(export(find(args.model), pathlib.Path(folder) / "model"))).signatures["align_full"]

    def graph(fixed, moving):
        answer = served(fixed=fixed, moving=moving)
        return answer["angle"][0].numpy(), answer["shift"][0].numpy()

    def here(fixed, moving):
        answer = register_pair(aligner, fixed, moving)
        return answer.angle[0], answer.shift[0]

    for function in (graph, here):
        timed(function, pair((200, 240), args.seed, function is graph), 1)
    for size in (tuple(map(int, text.split("x"))) for text in args.sizes):
        found = {}
        for name, function in (("align_full", graph), ("register_pair", here)):
            progress(f"{size[0]}x{size[1]}, {name}")
            answer, about = timed(function, pair(size, args.seed, function is graph), args.repeats)
            found[name] = answer
            error = float(frames.error(*answer, (0.0, np.array(SHIFT, float)), size))
            rows.append({"pictures": f"{size[0]}x{size[1]}", "way": name, "rms px": error, **about})
        rows[-1]["apart px"] = float(frames.error(*found["align_full"], found["register_pair"], size))
    return rows


def timed(function, pictures, repeats):
    """(answer, the quickest of some calls in seconds by the clock and of the processor, and the largest memory of them)."""
    before, seconds, used = memory(), [], []
    for _ in range(repeats):
        began, spent = time.perf_counter(), time.process_time()
        answer = function(*pictures)
        seconds.append(time.perf_counter() - began)
        used.append(time.process_time() - spent)
    return answer, {"s": min(seconds), "cpu s": min(used), "MB": memory(largest=True) - before}


def memory(largest=False):
    """Resident memory of this process in MB, from where the largest is counted; or the largest since."""
    if not largest:
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM" if largest else "VmRSS"))


def pair(size, seed, tensors):
    """Two pictures float32 of a size, cropped from one: tensors with a batch axis, or arrays."""
    import cv2
    import numpy as np
    import tensorflow as tf

    rng = np.random.default_rng(seed)
    whole = size[0] + abs(SHIFT[1]), size[1] + abs(SHIFT[0])
    picture = np.zeros(whole, np.float32)
    for scale in SCALES:
        small = rng.normal(0, 30, [side // scale + 2 for side in whole]).astype(np.float32)
        picture += cv2.resize(small, whole[::-1], interpolation=cv2.INTER_CUBIC)
    x, y = SHIFT
    corners = (max(0, -y), max(0, -x)), (max(0, y), max(0, x))  # of the fixed picture, of the moving one
    crops = (picture[top : top + size[0], left : left + size[1]] for top, left in corners)
    return tuple(tf.constant(one[None]) if tensors else one.copy() for one in crops)


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))

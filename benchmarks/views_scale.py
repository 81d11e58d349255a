"""Many particles of many views: particles a second of the pass over everybody, and whether memory stays flat.

    python benchmarks/views_scale.py --data ../shared/data

Particles of 128 pixels of 2.2 A show one molecule from 50 directions (2,000 poses, each particle with noise of its own, SNR
0.05). Views are given, not learned: learning looks at a sample, however large the stack. Stacks of the first particles, of
several sizes, are classed and written in one process, the smallest first. `CPU s` holds reading, the pass over everybody, and
writing; `peak GB` is the largest resident memory up to then. `100,000, min on 2 cores` is extrapolated by the difference of
the largest and the smallest stack.
"""

import pathlib
import resource
import sys
import tempfile
import time
from unittest import mock

from harness import add_data, data_path, progress, run

SIDE, PIXEL, POSES, SNR = 128, 2.2, 2000, 0.05
CHUNK = 1000


def add_args(parser):
    """Declare the arguments."""
    add_data(parser)
    parser.add_argument("--counts", default="5000,10000", help="particles, ascending (default: 5000,10000)")
    parser.add_argument("--views", type=int, default=50, help="default: 50")
    parser.add_argument("--folder", metavar="DIR", help="where to make the temporary folder")


def main(args):
    """The rows of the table."""
    from udl_tf.chunks.executors import single_threaded
    from udl_tf.classification import job
    from udl_tf.classification.request import ClassRequest

    single_threaded()
    counts, rows = [int(count) for count in args.counts.split(",")], []
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        folder = pathlib.Path(folder)
        views = written(data_path(args.data, "cryo", "maps") / "polII.mrc", folder, counts, args.views)
        for count in counts:
            paths = [str(folder / name) for name in (f"{count}.star", f"{count}_out.star", "averages.mrcs")]
            began = time.process_time()
            with mock.patch.object(job, "learned", lambda *_: known(views)):
                job.classify_stack(ClassRequest(paths[0], args.views, *paths[1:]), progress=False, say=progress)
            seconds = time.process_time() - began
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9
            rows.append({"particles": count, "CPU s": seconds, "particles / CPU s": count / seconds, "peak GB": peak})
            progress(str(rows[-1]))
    if len(rows) > 1:
        each = (rows[-1]["CPU s"] - rows[0]["CPU s"]) / (counts[-1] - counts[0])
        rows[-1]["100,000, min on 2 cores"] = 1e5 * each / 2 / 60
    return rows


def known(views):
    """A classer that knows views (k, SIDE, SIDE), of the strength that they have in the particles, in noise of variance 1."""
    import numpy as np

    from udl_tf.classification.classers import Learned
    from udl_tf.classification.particle_images import BOX, smaller
    from udl_tf.views.model import Views
    from udl_tf.views.view_model import ViewModel

    model = ViewModel(BOX, 0.47 * BOX, 6.0, None, None, np.zeros(len(views), bool))
    white = smaller(np.random.default_rng(0).standard_normal((100, SIDE, SIDE)), BOX)
    grids = []
    for grid in model.grids():
        noise = np.square(np.abs(grid.sample(white))).mean((0, 2)).astype(np.float32)
        averages = grid.whole(grid.sample(smaller(views, BOX))).astype(np.complex64)
        grids.append(Views(averages, noise, np.ones(len(views))))
    model = ViewModel(BOX, model.radius, model.reach, *grids, model.junk, 0.0)
    return Learned(model, np.array([-1]), np.zeros((1, len(views)), np.float32))


def written(path, folder, counts, directions):
    """FOLDER/stack.mrcs, and FOLDER/COUNT.star of its first particles for each of counts; returns the views (k, SIDE, SIDE)."""
    import numpy as np
    import pandas as pd
    from mixtures.projections import Volume, finer
    from scipy.ndimage import map_coordinates
    from scipy.spatial.transform import Rotation

    from pipelines.files import star
    from pipelines.files.mrc import mrc_writer

    rng = np.random.default_rng(5)
    volume = Volume(path)
    fine = [finer(volume.project(r)) for r in Rotation.random(directions, random_state=5).as_matrix()]  # of SIDE pixels
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) - SIDE // 2
    clean = np.empty((POSES, SIDE, SIDE), np.float32)
    for row in range(POSES):
        psi, (dx, dy) = rng.uniform(0, 2 * np.pi), rng.uniform(-8, 8, 2)
        c, s = np.cos(psi), np.sin(psi)
        u, v = c * (x + dx) - s * (y + dy), s * (x + dx) + c * (y + dy)
        clean[row] = map_coordinates(fine[row % len(fine)], [v + SIDE // 2, u + SIDE // 2], order=1)
    level = np.sqrt(SNR / clean.var((1, 2)).mean())
    clean *= level
    with mrc_writer(folder / "stack.mrcs", pixel_size=PIXEL) as append:
        for start in range(0, counts[-1], CHUNK):
            rows = np.arange(start, min(start + CHUNK, counts[-1])) % POSES
            append(clean[rows] + rng.standard_normal((len(rows), SIDE, SIDE), np.float32))
    optics = {"rlnOpticsGroupName": ["opticsGroup1"], "rlnOpticsGroup": [1], "rlnImagePixelSize": [PIXEL]}
    optics |= {"rlnImageSize": [SIDE], "rlnImageDimensionality": [2]}
    for count in counts:
        columns = {"rlnImageName": [f"{row + 1:06d}@stack.mrcs" for row in range(count)], "rlnOpticsGroup": 1}
        star.write_star(star.StarTable(pd.DataFrame(columns), pd.DataFrame(optics)), folder / f"{count}.star")
    return level * np.stack([map_coordinates(one, [y + SIDE // 2, x + SIDE // 2], order=1) for one in fine])


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))

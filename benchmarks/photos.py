"""Goal 6: the photo model on photographs it never saw, by the paper's recipe (section 4.1).

    python benchmarks/photos.py --data ../shared/data

Patches of 128 x 128 pixels cut from DIR/photos/val before and after a turn (360 degrees) and a shift within 10
pixels, then noise on both; patches with little texture are left out. The same pairs for every kind of noise. Errors
over the full 360 degrees. Goals for the mean: clean 0.1, Gaussian 0.5 (SNR) 1.0 degrees; the other rows are
information. `paper`: its table 2, on COCO photos.
"""

import sys

from harness import add_data, data_path, progress, run

NOISES = ("clean", "gaussian:0.5", "gaussian:0.1", "gaussian:0.05", "s&p:0.1", "s&p:0.2", "s&p:0.3")
PAPER = dict(zip(NOISES, (2.57, 4.29, 5.69, 6.49, 3.38, 4.92, 12.10), strict=True))
GOALS = {"clean": 0.1, "gaussian:0.5": 1.0}


def add_args(parser):
    """Declare the arguments."""
    add_data(parser)
    parser.add_argument("--model", default="photo", metavar="NAME|DIR", help="shipped name, run or SavedModel folder")
    parser.add_argument("--noise", nargs="+", default=NOISES, metavar="KIND:LEVEL", help="default: all of the paper's")
    parser.add_argument("--pairs", type=int, default=500, help="for each kind of noise (default: 500)")
    parser.add_argument("--seed", type=int, default=20)


def main(args):
    """The rows of the table."""
    import udl_tf

    aligner = udl_tf.load(args.model)
    folder = data_path(args.data, "photos/val")
    rows = []
    for kind in args.noise:
        progress(kind)
        row = measure(aligner, folder, kind, args.pairs, args.seed)
        rows.append({"noise": kind, **row, "goal": GOALS.get(kind), "paper": PAPER.get(kind)})
    return rows


def measure(aligner, folder, kind, count, seed):
    """Errors of an aligner on pairs of photos with one kind of noise: one row."""
    import scoring

    from pipelines import geometry

    inputs, truth = photo_pairs(folder, kind, count, seed)
    angle, shift, milliseconds = scoring.timed(scoring.aligned_by(aligner), inputs["fixed"], inputs["moving"])
    found = scoring.score(angle, shift, truth, 360.0)
    within = geometry.angular_distance(angle, truth["angle"]) < 5.0
    return {**found, "within 5 deg, %": 100.0 * float(within.mean()), "ms/pair": milliseconds}


def photo_pairs(folder, kind, count, seed):
    """(inputs, truth) of `count` pairs cut from the photos of a folder."""
    from pipelines import noise, pairs, photos

    spec = noise.parse(kind)
    crops, _ = photos.photo_crops(folder, batch=50, seed=seed)
    return pairs.collect(pairs.from_photos(crops, lambda images, s: noise.apply(spec, images, s), seed), count)


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))

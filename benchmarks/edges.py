"""The edges of what is asked: sizes, large shifts, special angles, identical, unrelated and blank images. Needs no data.

    python benchmarks/edges.py

Particles are phantoms at SNR 0.1 with the model `cryo`, pictures are dead leaves at SNR 1 with the model `photo`, none of them
seen in training. Errors modulo the symmetry that was found (some phantoms have one), shift errors in pixels of the images
themselves; `known` is the share of pairs with a score above 0.9. Two strangers have no angle: there only the score counts, and
it must be low.
"""

import sys

from harness import progress, run

SIZES = (64, 96, 128, 256, 512)
ANGLES = (0.0, 90.0, 180.0, -180.0, 179.99)
SNR = {"cryo": "gaussian:0.1", "photo": "gaussian:1"}


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("--pairs", type=int, default=100, help="of each case (default: 100)")
    parser.add_argument("--seed", type=int, default=50)


def main(args):
    """The rows of the table."""
    import numpy as np

    import udl_tf

    rows = []
    for model in SNR:
        aligner = udl_tf.load(model)
        progress(model)
        for size in SIZES:
            share = max(size // 128, 1)  # the same noise for each bit of the picture, whatever its pixels
            fixed, moving, truth = pairs_of(model, size, args.pairs, args.seed, 0.08 * size, snr_share=share * share)
            rows.append({"model": model, "case": f"{size} px", **told(aligner, fixed, moving, truth)})
        fixed, moving, truth = pairs_of(model, 128, args.pairs, args.seed, 128 / 4 / np.sqrt(2), both=False)
        rows.append({"model": model, "case": "shift up to 25 %", **told(aligner, fixed, moving, truth)})
        for angle in ANGLES:
            fixed, moving, truth = pairs_of(model, 128, args.pairs, args.seed, 5.0, angle=angle)
            rows.append({"model": model, "case": f"angle {angle:g}", **told(aligner, fixed, moving, truth)})
        zero = {"angle": np.zeros(len(moving)), "shift": np.zeros((len(moving), 2))}
        rows.append({"model": model, "case": "identical", **told(aligner, moving, moving, zero)})
        fixed, moving, _ = pairs_of(model, 128, args.pairs, args.seed, 5.0)
        rows.append({"model": model, "case": "strangers", **told(aligner, fixed, np.roll(moving, 1, axis=0))})
        blank = aligner.align(np.ones_like(fixed[:4]), moving[:4], report=False)
        rows.append({"model": model, "case": "one blank", "score": float(blank.score.max())})
    return rows


def pairs_of(model, size, count, seed, max_shift, angle=None, both=True, snr_share=1):
    """Noisy pairs (fixed, moving, truth) of pictures of their own, turned by any angle or by a given one."""
    import numpy as np
    import tensorflow as tf

    from pipelines import noise
    from pipelines.geometry.transforms import Rigid, compose
    from pipelines.geometry.warp import centre_crop
    from pipelines.normalise import normalise
    from pipelines.pictures import dead_leaves, phantoms

    rng = np.random.default_rng(seed)
    large = size if model == "cryo" else 2 * size
    make = phantoms.particles if model == "cryo" else dead_leaves.dead_leaves
    clean = make(count, large, seed + 1)
    turn = rng.uniform(-180, 180, count) if angle is None else np.full(count, angle)
    first = rng.uniform(0, 360, count)  # of both, so that nothing depends on how the picture was drawn
    shift = rng.uniform(-max_shift, max_shift, (count, 2)) * (0.5 if both else 1.0)
    own = (first, rng.uniform(-max_shift, max_shift, (count, 2)) * (0.5 if both else 0.0))
    own, change = (Rigid(*(np.asarray(part, np.float32) for part in one)) for one in (own, (turn, shift)))
    spec = noise.parse(SNR[model])
    spec = noise.Noise(spec.kind, spec.level / snr_share)
    seeds = tf.random.experimental.stateless_split([seed, 2], 2)
    fixed, moving = (
        normalise(noise.apply(spec, centre_crop(pose.warp(clean), size), s)).numpy()
        for pose, s in zip((compose(own, change), own), tf.unstack(seeds), strict=True)
    )
    return fixed, moving, {"angle": turn, "shift": change.shift}


def told(aligner, fixed, moving, truth=None):
    """What the aligner says, and how far from the truth it is."""
    import numpy as np
    import scoring

    from pipelines import geometry

    result = aligner.align(fixed, moving, report=False)
    row = {}
    if truth is not None:
        error = geometry.angular_distance(result.angle.astype(np.float64), truth["angle"], 360.0 / result.symmetry)
        shift = scoring.score(result.angle, result.shift, truth, 360.0)["shift px"]
        row = {"mean deg": float(error.mean()), "p95 deg": float(np.percentile(error, 95)), "shift px": shift}
        row["within 5 deg, %"] = 100.0 * float((error < 5.0).mean())
    return {**row, "score": float(result.score.mean()), "known, %": 100.0 * float((result.score > 0.9).mean())}


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))

"""Pictures as instruments deliver them: how often the aligner is fooled by what is not the object, and whether it is then sure.

    python benchmarks/dirty.py
    python benchmarks/dirty.py --models cryo --kinds "plane, own" "sensor pattern" --pairs 200
    python benchmarks/dirty.py --parts nothing strangers snr --data ../shared/data --json dirty.json

`kinds`: phantoms at SNR 0.3 (model `cryo`) and dead-leaves pictures at SNR 1 (`photo`), 128 px, all angles, shifts to 8 px,
with one kind of dirt (`artefacts.KINDS`) from nothing to absurd; its strength is in standard deviations of the noise, of
pictures: of the picture. `nothing`: two images of independent noise. `strangers`: two different objects. `snr`: phantoms
down to none. `wrong` is off by more than 5 degrees (modulo the symmetry that is told); nothing and strangers are always wrong.
`sure and wrong` has a score above 0.9 besides. `gap` is the mean score less the share that is right.
"""

import functools
import json
import pathlib
import sys

from harness import data_path, progress, run

PARTS = ("kinds", "nothing", "strangers", "snr")
MODELS = ("cryo", "photo")
SIDE, MAX_SHIFT, CRYO_SNR, PHOTO_SNR = 128, 8.0, 0.3, 1.0
WRONG, SURE = 5.0, 0.9
SIDES = (64, 128, 200)
SWEEP = (1.0, 0.3, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0)
BATCH = 64
COMPARED = ("wrong, %", "sure and wrong, %", "mean score")


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="default: all")
    parser.add_argument("--models", nargs="+", default=MODELS, metavar="NAME|DIR", help="default: cryo photo")
    parser.add_argument("--kinds", nargs="+", metavar="KIND", help="default: all")
    parser.add_argument("--pairs", type=int, default=128, help="of each row (default: 128)")
    parser.add_argument("--strongest", type=float, default=float("inf"), help="leave out strengths above this")
    parser.add_argument("--fast", action="store_true", help="without verification and refinement")
    parser.add_argument("--data", metavar="DIR", help="folder with cryo/maps: molecules among the strangers")
    parser.add_argument("--before", metavar="FILE", help="JSON of an earlier run, for two more columns")
    parser.add_argument("--seed", type=int, default=5)


def main(args):
    """The rows of the table."""
    rows, before = [], {}
    if args.before:
        before = {_key(row): row for row in json.loads(pathlib.Path(args.before).read_text())["rows"]}
    for model in args.models:
        for part in args.parts:
            for row in globals()[part](args, model):
                rows.append({"model": model, **row})
                earlier = before.get(_key(rows[-1]), {})
                rows[-1] |= {f"before: {name}": earlier[name] for name in COMPARED if name in earlier}
                progress(" ".join(f"{key} {value:.3g}" if isinstance(value, float) else str(value) for key, value in row.items()))
    return rows


def _key(row):
    return row["model"], row["kind"], row["strength"]


def kinds(args, model):
    """Every kind of dirt at every strength."""
    import numpy as np
    from artefacts import KINDS

    photo = aligner(model).config["config"]["support"] == "frame"
    clean = pictures(args.pairs, args.seed) if photo else phantom_pairs(args.pairs, args.seed, CRYO_SNR)
    for name, (dirty, strengths, on_photos) in KINDS.items():
        if (args.kinds and name not in args.kinds) or (photo and not on_photos):
            continue
        for strength in strengths:
            if strength > args.strongest:
                continue
            random = np.random.default_rng([args.seed, len(name)])
            images = dirty(*clean[:2], strength, random)
            yield {"kind": name, "strength": float(strength), **measured(args, model, *images, clean[2])}


def nothing(args, model):
    """Independent noise of every kind and size, alone and as a stack of moving images for one fixed one."""
    import numpy as np
    from nothing import NOTHING

    for name, draw in NOTHING.items():
        for side in SIDES if name == "white" else SIDES[1:2]:
            random = np.random.default_rng([args.seed, side])
            images = [draw((args.pairs, side, side), random) for _ in range(2)]
            yield {"kind": f"nothing: {name}, {side} px", "strength": None, **measured(args, model, *images)}
    yield {"kind": "nothing: white, one fixed", "strength": None, **measured(args, model, images[0][:1], images[1])}


def strangers(args, model):
    """Different phantoms and, with --data, different molecules, at two levels of noise."""
    import numpy as np

    for snr in (0.3, 0.1):
        fixed, moving, _ = phantom_pairs(args.pairs, args.seed, snr)
        yield {"kind": f"strangers: phantoms, SNR {snr}", "strength": None, **measured(args, model, fixed, np.roll(moving, 7, 0))}
        if args.data:
            yield {"kind": f"strangers: molecules, SNR {snr}", "strength": None, **measured(args, model, *molecules(args, snr))}


def snr(args, model):
    """Phantoms down to none: the score must fall with the signal."""
    for level in SWEEP:
        yield {"kind": "SNR", "strength": level, **measured(args, model, *phantom_pairs(args.pairs, args.seed, level))}


def measured(args, model, fixed, moving, truth=None):
    """What the aligner makes of pairs; without a truth (n,) in degrees every answer is wrong."""
    import numpy as np

    from pipelines import geometry

    found = aligner(model).align(fixed, moving, batch=BATCH, fast=args.fast, report=False)
    error = np.full(len(found), 180.0)
    if truth is not None:
        error = geometry.angular_distance(np.nan_to_num(found.angle, nan=1e3), truth, 360.0 / found.symmetry)
    wrong = error > WRONG
    return {
        "wrong, %": 100.0 * float(wrong.mean()),
        "sure and wrong, %": 100.0 * float((wrong & (found.score > SURE)).mean()),
        "above 0.5, %": 100.0 * float((found.score > 0.5).mean()),
        "mean score": float(found.score.mean()),
        "gap": float(found.score.mean() - (~wrong).mean()),
        "within 1.96 sigma, %": 100.0 * float((error <= 1.96 * found.sigma)[~wrong].mean()) if (~wrong).any() else None,
    }


@functools.cache
def aligner(model):
    """A model, loaded once."""
    import udl_tf

    return udl_tf.load(model)


def phantom_pairs(count, seed, snr, side=SIDE):
    """(fixed, moving, angle): phantoms of standard deviation sqrt(snr) with white noise of standard deviation 1."""
    import numpy as np

    clean, moving, angle = clean_phantoms(count, seed, side)
    random = np.random.default_rng([seed, 1])
    return *(np.sqrt(snr) * images + random.normal(size=images.shape) for images in (clean, moving)), angle


@functools.cache
def clean_phantoms(count, seed, side):
    """(fixed, moving, angle) of phantoms of standard deviation 1 without noise."""
    from pipelines import noise, pairs
    from pipelines.pictures import phantoms

    images = phantoms.particles(100, side, seed + 1000)
    shift = MAX_SHIFT * side / SIDE / 2.0**0.5
    inputs, truth = pairs.collect(pairs.simulated(images, noise.Noise(), BATCH, seed, shift), count)
    return inputs["fixed"].astype(float), inputs["moving"].astype(float), truth["angle"]


def pictures(count, seed, snr=PHOTO_SNR, side=SIDE):
    """(fixed, moving, angle): dead-leaves pictures of standard deviation sqrt(snr), white noise of standard deviation 1."""
    import numpy as np

    clean, moving, angle = clean_pictures(count, seed, side)
    random = np.random.default_rng([seed, 2])
    return *(np.sqrt(snr) * images + random.normal(size=images.shape) for images in (clean, moving)), angle


@functools.cache
def clean_pictures(count, seed, side):
    """(fixed, moving, angle) of dead-leaves pictures of standard deviation 1 without noise."""
    from pipelines import pairs
    from pipelines.pictures import DeadLeaves

    options = {"patch": side, "max_shift": MAX_SHIFT * side / SIDE}
    crops = DeadLeaves(100, BATCH, seed=seed + 1000, **options).reordered(seed).crops(0)
    inputs, truth = pairs.collect(pairs.from_photos(crops, lambda images, s: images, seed, **options), count)
    return inputs["fixed"].astype(float), inputs["moving"].astype(float), truth["angle"]


def molecules(args, snr):
    """(fixed, moving): projections of different molecules of cryo/maps in random directions and turns."""
    import numpy as np

    from pipelines.files import opening
    from pipelines.spectra.resample import fourier_resample

    random = np.random.default_rng([args.seed, 3])
    names = sorted(path.stem for path in data_path(args.data, "cryo/maps").glob("*.mrc"))
    volumes = [opening.open_source(data_path(args.data, "cryo/maps", f"{name}.mrc")).read(slice(None)) for name in names]
    views = np.stack([project(volume, random) for volume in volumes for _ in range(24)])  # (8 * 24, 64, 64)
    images = fourier_resample(views.astype(np.float32), SIDE).numpy()
    images -= images.mean((1, 2), keepdims=True)
    images /= images.std((1, 2), keepdims=True)
    molecule = np.repeat(np.arange(len(names)), 24)
    first = random.integers(len(images), size=args.pairs)
    second = np.array([random.choice(np.flatnonzero(molecule != molecule[i])) for i in first])
    return [np.sqrt(snr) * images[rows] + random.normal(size=(args.pairs, SIDE, SIDE)) for rows in (first, second)]


def project(volume, random):
    """One projection (n, n) of a volume (n, n, n) in a random direction."""
    import numpy as np
    from scipy.ndimage import affine_transform

    matrix, triangle = np.linalg.qr(random.normal(size=(3, 3)))
    matrix *= np.sign(np.diag(triangle)) * np.sign(np.linalg.det(matrix))
    centre = (np.array(volume.shape) - 1) / 2.0
    return affine_transform(volume, matrix, centre - matrix @ centre, order=1).sum(0)


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))

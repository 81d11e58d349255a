"""Pairs with known truth, and how far from it an alignment is."""

import time

import numpy as np

from pipelines import geometry, noise, pairs
from pipelines.files import opening
from pipelines.pictures import Photographs

MAX_SHIFT = 10.0  # pixels, of each image along each axis
REACH = 32.0  # pixels, largest shift that is looked for: two images may lie 2 x 14 apart
GROSS = 10.0  # degrees; an angle further off is wrong, and its shift says nothing
CLASS_AVERAGES = ("groel", "empiar10034", "empiar10065")


def clean_image(path):
    """The first image of a file, background zero: (side, side)."""
    return pairs.without_background(opening.open_source(path).read([0]))[0]


def noisy_pairs(clean, snr, count, seed):
    """Pairs of two noisy copies of one clean image (side, side), turned over 360 degrees, moved by 10 pixels at most.

    Returns:
        inputs (dict of fixed, moving (count, side, side)) and truth (dict of angle (count,), shift (count, 2)).
    """
    spec = noise.Noise("gaussian", snr)
    return pairs.collect(pairs.simulated(clean[None], spec, min(count, 64), seed, MAX_SHIFT), count)


def photo_pairs(folder, kind, count, seed):
    """(inputs, truth) of `count` pairs cut from the photos of a folder."""
    spec = noise.parse(kind)
    crops = Photographs(folder, batch=50, seed=seed).crops()
    return pairs.collect(pairs.from_photos(crops, lambda images, s: noise.apply(spec, images, s), seed), count)


def timed(align, fixed, moving, warm=16):
    """The transforms of ``align(fixed, moving)`` and the milliseconds a pair took, after a first call."""
    align(fixed[:warm], moving[:warm])
    start = time.perf_counter()
    found = align(fixed, moving)
    return found, 1e3 * (time.perf_counter() - start) / len(moving)


def aligned_by(aligner, reach=REACH):
    """An `udl_tf` aligner as a function (fixed, moving) -> (angle, shift)."""

    def align(fixed, moving):
        result = aligner.align(fixed, moving, reach)
        return result.angle, result.shift

    return align


def errors(angle, truth, period):
    """Mean, median and 95th percentile of the rotation error modulo `period`, degrees."""
    error = geometry.angular_distance(np.asarray(angle, np.float64), np.asarray(truth, np.float64), period)
    return {
        "mean deg": float(error.mean()),
        "median deg": float(np.median(error)),
        "p95 deg": float(np.percentile(error, 95)),
    }


def score(angle, shift, truth, period):
    """`errors`, the share of angles right over the full circle, and the mean shift error of those."""
    full = geometry.angular_distance(np.asarray(angle, np.float64), truth["angle"], 360.0)
    right = full < GROSS
    distance = np.linalg.norm(shift - truth["shift"], axis=1)
    return {
        **errors(angle, truth["angle"], period),
        "right over 360, %": 100.0 * float(right.mean()),
        "shift px": float(distance[right].mean()) if right.any() else float("nan"),
    }


def network_of(folder):
    """The network of a run folder alone, as a function (fixed, moving) -> angle (n,) degrees modulo its period."""
    import json
    import pathlib

    import tensorflow as tf

    from pipelines.normalise import normalise
    from pipelines.spectra.resample import fourier_resample
    from udl_tf import presets
    from udl_tf.networks.build import build
    from udl_tf.networks.output import degrees

    folder = pathlib.Path(folder)
    config = presets.load(folder / "config.json")
    bias = json.loads((folder / "metrics.json").read_text())["bias_deg"]
    network = build(config)
    network.load_weights(str(folder / "network.weights.h5"))

    def prepare(images):
        return normalise(fourier_resample(tf.constant(images), config.box))

    def angles(fixed, moving, batch=64):
        found = []
        for rows in (slice(start, start + batch) for start in range(0, len(moving), batch)):
            output = network({"fixed": prepare(fixed[rows]), "moving": prepare(moving[rows])}, training=False)
            found.append(degrees(output, config.period))
        return np.concatenate(found) - bias

    return angles

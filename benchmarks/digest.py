"""Fingerprints of what the code computes, to see whether a change that should change nothing did.

    python benchmarks/digest.py --output before.json
    python benchmarks/digest.py --against before.json
    python benchmarks/digest.py --against before.json --parts stack

SHA-256 of the answers for fixed pairs (both shipped models, three sizes), of the STAR file of a small stack, and of the
weights of every preset after 50 steps. Numbers are compared to the last bit: both runs must be on one machine and one
TensorFlow.
"""

import argparse
import hashlib
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

PAIRS, SIDES = 24, (64, 128, 200)
PARTICLES, BOX = 96, 64
STEPS, SMALL = 50, {"steps": 50, "batch": 8, "sources": 24}
PARTS = ("pairs", "stack", "weights")
FULL_SIZE = ("cryo-paper", "photo-paper")  # 70 million weights: two pairs a step


def main():
    """Run the command; returns the exit code: 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", metavar="FILE", help="write the fingerprints as JSON")
    parser.add_argument("--against", metavar="FILE", help="compare with fingerprints written before")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)} (default: all)")
    args = parser.parse_args()
    parts = args.parts.split(",")
    if not set(parts) <= set(PARTS):
        parser.error(f"--parts {args.parts}: expected some of {', '.join(PARTS)}")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)  # sums in one order
    found = {"tensorflow": tf.__version__}
    for name, value in itertools.chain.from_iterable(globals()[part]() for part in parts):
        found[name] = value
        print(f"{name:32s} {value[:16]}", flush=True)
    if args.output:
        pathlib.Path(args.output).write_text(json.dumps(found, indent=1) + "\n")
    if not args.against:
        return 0
    before = json.loads(pathlib.Path(args.against).read_text())
    names = found.keys() if parts != list(PARTS) else before.keys() | found.keys()
    different = [name for name in sorted(names) if before.get(name) != found.get(name)]
    print(f"different: {', '.join(different)}" if different else f"all {len(found)} equal")
    return 1 if different else 0


def pairs():
    """(name, SHA-256) of the answers of both shipped models, whole chain and fast, and of pairs among images."""
    import udl_tf

    for model in ("cryo", "photo"):
        aligner = udl_tf.load(model)
        for side in SIDES:
            fixed, moving = pictures(PAIRS, side, 0), pictures(PAIRS, side, 1)
            for fast in (False, True):
                result = aligner.align(fixed, moving, fast=fast)
                yield f"{model} {side}{' fast' * fast}", of_result(result)
            _, result = aligner.align_pairs(fixed[:6])
            yield f"{model} {side} among", of_result(result)


def stack():
    """(name, SHA-256) of the STAR file of a stack that is aligned to its own average."""
    from mrcfile import write

    with tempfile.TemporaryDirectory() as folder:
        write(f"{folder}/stack.mrcs", pictures(PARTICLES, BOX, 2), voxel_size=2.0)
        command = [sys.executable, "-m", "udl_tf.align", "stack.mrcs", "--output", "aligned.star", "--json"]
        root = str(pathlib.Path(__file__).resolve().parents[1])
        subprocess.run(command, cwd=folder, check=True, env={**os.environ, "PYTHONPATH": root}, stdout=subprocess.DEVNULL)
        yield "stack", hashlib.sha256(pathlib.Path(folder, "aligned.star").read_bytes()).hexdigest()


def weights():
    """(name, SHA-256) of the weights of every preset after `STEPS` steps."""
    from udl_tf.presets import PRESETS, resolve
    from udl_tf.training import datasets, trainer

    for name in PRESETS:
        config = resolve(name, **{**SMALL, "batch": 2 if name in FULL_SIZE else SMALL["batch"]})
        gathered = datasets.gather(config)
        model = trainer.compiled(config, gathered)
        model.fit(gathered.train(), steps_per_epoch=STEPS, epochs=1, verbose=0, shuffle=False)
        yield f"weights {name}", of_arrays(weight.numpy() for weight in model.network.weights)


def pictures(count, side, seed):
    """Noisy pictures float32 (count, side, side) of one shape of Gaussian blobs, each turned and moved: NumPy alone."""
    shape, random = np.random.default_rng(7), np.random.default_rng(seed)
    x, y = (np.mgrid[:side, :side][::-1] - (side - 1) / 2.0) / side
    places, widths = shape.uniform(-0.28, 0.28, (9, 2)), shape.uniform(0.03, 0.09, 9)
    found = []
    for angle, shift in zip(random.uniform(0, 2 * np.pi, count), random.uniform(-0.05, 0.05, (count, 2)), strict=True):
        u, v = x - shift[0], y - shift[1]
        u, v = np.cos(angle) * u + np.sin(angle) * v, np.cos(angle) * v - np.sin(angle) * u
        found.append(sum(np.exp(-((u - a) ** 2 + (v - b) ** 2) / (2 * w * w)) for (a, b), w in zip(places, widths, strict=True)))
    clean = np.array(found)
    return (clean + random.normal(0.0, 1.5 * clean.std(), clean.shape)).astype(np.float32)


def of_result(result):
    """SHA-256 of an alignment's angles, shifts, standard errors and scores."""
    return of_arrays((result.angle, result.shift, result.sigma, result.score))


def of_arrays(arrays):
    """SHA-256 of arrays, their types and shapes."""
    found = hashlib.sha256()
    for array in arrays:
        array = np.ascontiguousarray(array)
        found.update(f"{array.dtype} {array.shape}".encode() + array.tobytes())
    return found.hexdigest()


if __name__ == "__main__":
    sys.exit(main())

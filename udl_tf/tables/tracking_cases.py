"""The sequences of one row of the tracking table, made from photographs or dead leaves (`pipelines.pairs.tracking`)."""

import functools

import numpy as np

from pipelines.pairs import tracking
from pipelines.pictures import DeadLeaves, Photographs
from udl_tf.rivals.problem import Problem
from udl_tf.tables.cases import TEST_SEED, Case, path_of, repeated

PATCH, FRAME = 64, 96  # pixels, sides; the motions of `pipelines.pairs.tracking` are made for them
ROOM = 5.0  # pixels around a frame, besides the room to turn it


def build(table, condition, scale, data, output, seed):
    """The `cases.Case` of a row; arguments as of `cases.rigid`.

    `train` gives pairs as `pipelines.pairs.tracking.pairs`. The test's `inputs` are ``frames`` (n, frames, FRAME, FRAME) and
    ``start`` (n, 3, 3), its truth ``homography`` (n, frames, 3, 3), the places of the patch.
    """
    pictures = _pictures(path_of(data, "photos", "train"), scale.sources, scale.batch, seed)

    def train(start):
        return tracking.pairs(pictures.crops(start), seed, PATCH, FRAME, appearance=condition.noise, start=start)

    seed += TEST_SEED
    test = _pictures(path_of(data, "photos", "val"), max(scale.sources // 4, 4), 1, seed)
    photographs = [batch[0] for batch in test.crops(0).take(scale.sequences).as_numpy_iterator()]
    made = [
        tracking.sequence(image, seed + i, scale.frames, FRAME, PATCH, appearance=condition.noise)
        for i, image in enumerate(photographs)
    ]
    places = np.stack([one.places for one in made])
    inputs = {"frames": np.stack([one.frames for one in made]), "start": places[:, 0]}
    problem = Problem(table.kind, PATCH, train=functools.partial(repeated, train, scale), scale=scale.name)
    return Case(problem, inputs, {"homography": places}, pictures.files)


def _pictures(path, sources, batch, seed):
    """What crops a little larger than a frame are cut from."""
    options = {"batch": batch, "patch": FRAME, "max_shift": ROOM, "seed": seed}
    return Photographs(path, **options) if path else DeadLeaves(sources, **options)

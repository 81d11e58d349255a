"""The pairs of one row of the deformable table: photographs or sections bent by known fields, made shapes that beat."""

import dataclasses
import functools
import pathlib

import numpy as np

from pipelines import noise, pairs
from pipelines.errors import InputError
from pipelines.files import opening
from pipelines.pairs import cine, deformed
from pipelines.pictures import DeadLeaves, Photographs, tissue
from pipelines.pictures.arrays import ArrayPictures
from udl_tf.rivals.problem import Problem
from udl_tf.tables.cases import TEST_BATCH, TEST_SEED, Case, path_of, repeated

REACH = 1.0 / 16.0  # of the side: 8 pixels of 128
BATCH = 8  # pairs a step: fields have many pixels to learn from
FEWER = 5  # test pairs than of other tables: the classical methods take a second for each
TILE = 240  # pixels, squares that sections are cut into
LEARNED = 0.8  # of the sections of each volume; the methods are measured on the rest


def build(table, condition, scale, data, output, seed):
    """The `cases.Case` of a row; arguments as of `cases.rigid`. Its truth is ``displacement`` (n, box, box, 2), pulled."""
    spec, reach = noise.parse(condition.noise), REACH * scale.box
    of, bend = SOURCES[condition.image]
    scale = dataclasses.replace(scale, batch=min(scale.batch, BATCH))

    def make(part, batch, seed):
        options = {"patch": scale.box, "max_shift": deformed.photo_shift(scale.box, reach), "batch": batch, "seed": seed}
        return of(data, part, scale.sources, options)

    def bent(pictures, seed, start):
        return deformed.from_crops(pictures.crops(start), spec, seed, scale.box, reach, start, bend)

    pictures = make("train", scale.batch, seed)
    test = bent(make("val", TEST_BATCH, seed + TEST_SEED), seed + TEST_SEED, 0)
    inputs, truth = pairs.collect(test, max(scale.test_pairs // FEWER, 1))
    train = functools.partial(repeated, functools.partial(bent, pictures, seed), scale)
    problem = Problem(table.kind, scale.box, train=train, noise=condition.noise, scale=scale.name)
    return Case(problem, inputs, truth, files_of(data, condition.image))


def photographs(data, part, count, options):
    """Photographs, or without data `count` pictures of dead leaves, a quarter as many others to measure on."""
    path = path_of(data, "photos", part)
    if path:
        return Photographs(path, **options)
    return DeadLeaves(count if part == "train" else max(count // 4, 4), **options)


def leaves(data, part, count, options):
    """Pictures of dead leaves, whatever data there are: the texture of what is made anyway."""
    return photographs(None, part, count, options)


def sections(data, part, count, options):
    """Squares of the sections of volumes, or of made tissue: the first `LEARNED` of each to train, the rest to measure on."""
    if not data:
        made = [tissue.made_volume(1, (TILE, TILE), seed)[0] for seed in range(max(count // 8, 8))]
        return ArrayPictures(_part(np.stack(made), part), **options)
    squares = []
    for path in files_of(data, "sections"):
        volume = opening.open_array(path)
        planes = _part(volume.planes(range(volume.plane_count)), part)
        down, across = (size // TILE for size in planes.shape[1:])
        squares += [planes[:, TILE * i : TILE * (i + 1), TILE * j : TILE * (j + 1)] for i in range(down) for j in range(across)]
    return ArrayPictures(np.concatenate(squares), **options)


def files_of(data, image):
    """What a row's pictures are read from; the photographs of training, or all volumes."""
    if not data or image == "cine":
        return ()
    if image == "photographs":
        return tuple(Photographs(path_of(data, "photos", "train")).files)
    found = sorted(str(path) for path in pathlib.Path(path_of(data, "em")).glob("*.tif"))
    if not found:
        raise InputError(f"{data}/em: no volume (.tif) of sections there")
    return tuple(found)


def _part(planes, part):
    """The planes (n, height, width) of a part."""
    cut = round(LEARNED * len(planes))
    return planes[:cut] if part == "train" else planes[cut:]


# What a row's pictures are, and what bends them.
SOURCES = {
    "photographs": (photographs, deformed.deformed_pair),
    "sections": (sections, deformed.deformed_pair),
    "cine": (leaves, cine.cine_pair),
}

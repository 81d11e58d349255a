"""The pairs of one row of the homography table: patches of photographs, or of dead leaves (recipe of DeTone et al.)."""

import functools

import tensorflow as tf

from pipelines import draws, noise, pairs
from pipelines.pairs import homography_pairs
from pipelines.pictures import DeadLeaves, Photographs
from udl_tf.rivals.problem import Problem
from udl_tf.tables.cases import TEST_BATCH, TEST_SEED, Case, path_of, repeated


def build(table, condition, scale, data, output, seed):
    """The `cases.Case` of a row; arguments as of `cases.rigid`. `fixed` has a margin in training, for the unsupervised warp."""
    margin = round(scale.corner_reach)
    make, files = _source(path_of(data, "photos", "train"), scale, scale.sources, margin, scale.batch, seed)

    def train(start):
        return _noisy(make(start), condition.noise, seed)

    make_test, _ = _source(path_of(data, "photos", "val"), scale, max(scale.sources // 4, 4), 0, TEST_BATCH, seed + TEST_SEED)
    inputs, truth = pairs.collect(_noisy(make_test(0), condition.noise, seed + TEST_SEED), scale.test_pairs)
    problem = Problem(table.kind, scale.box, train=functools.partial(repeated, train, scale), scale=scale.name)
    return Case(problem, inputs, truth, files)


def _source(path, scale, sources, margin, batch, seed):
    """Function (start) -> dataset of clean pairs, and the paths of the photographs."""
    shift = homography_pairs.photo_shift(scale.box, scale.corner_reach, margin)
    options = {"batch": batch, "patch": scale.box, "max_shift": shift, "seed": seed}
    pictures = Photographs(path, **options) if path else DeadLeaves(sources, **options)

    def make(start):
        return homography_pairs.from_crops(pictures.crops(start), seed, scale.box, scale.corner_reach, margin, start)

    return make, pictures.files


@tf.autograph.experimental.do_not_convert
def _noisy(dataset, kind, seed):
    """Pairs with noise, other in each image; grey values stay as they are, so that clean parts remain equally bright."""
    spec = noise.parse(kind)

    def add(number, element):
        inputs, truth = element
        seeds = draws.split(tf.stack([seed, tf.cast(number, tf.int32)]), 2)
        return {name: noise.apply(spec, inputs[name], seeds[i]) for i, name in enumerate(("fixed", "moving"))}, truth

    return dataset.enumerate().map(add, num_parallel_calls=2, deterministic=True).prefetch(2)

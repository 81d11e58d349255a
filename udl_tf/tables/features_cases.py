"""The pairs of one row of the features table: table 1's recipe, under noise and another light; clean pictures to learn from."""

import functools

from pipelines import pairs
from pipelines.pictures import DeadLeaves, Photographs
from udl_tf.rivals.problem import Problem
from udl_tf.tables import cases


def build(table, condition, scale, data, output, seed):
    """The `cases.Case` of a row; arguments as of `cases.rigid`.

    What the learned features are made of is the same in every row: training pairs whose `fixed` is a clean picture, and whose
    truth is nothing.
    """
    config = cases.config_of(True, condition, scale, seed)
    inputs, truth = pairs.collect(cases.photo_test(config, condition.noise, data, scale, seed), scale.test_pairs)
    path = cases.path_of(data, "photos", "train")
    options = {"patch": scale.box, "max_shift": scale.max_shift, "batch": scale.batch, "seed": seed}
    pictures = Photographs(path, **options) if path else DeadLeaves(scale.sources, **options)

    def train(start):
        return pictures.crops(start).map(lambda images: ({"fixed": images, "moving": images}, {}))

    problem = Problem(
        table.kind,
        scale.box,
        train=functools.partial(cases.repeated, train, scale),
        scale=scale.name,
        taught="clean pictures",
    )
    return cases.Case(problem, inputs, truth, pictures.files)

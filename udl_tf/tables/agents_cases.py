"""The pairs of one row of the agents table: table 1's recipe on photographs, but close when one begins: degrees and pixels."""

import dataclasses
import functools

from pipelines import noise, pairs
from pipelines.pictures import DeadLeaves, Photographs
from pipelines.pictures.crops import crop_size
from udl_tf.rivals.agents import actions
from udl_tf.rivals.problem import Problem
from udl_tf.tables import cases

BATCH = 32  # pairs a step


def build(table, condition, scale, data, output, seed):
    """The `cases.Case` of a row; arguments as of `cases.rigid`.

    The images to learn from are large enough for `rivals.agents.self_pairs`.
    """
    scale = dataclasses.replace(scale, batch=min(scale.batch, BATCH))
    config = cases.config_of(True, condition, scale, seed)
    config = dataclasses.replace(config, max_shift=actions.SHIFT * scale.box)
    larger = crop_size(scale.box, config.max_shift)
    spec = noise.parse(condition.noise)

    def made(part, count, patch, batch, seed):
        path = cases.path_of(data, "photos", part)
        options = {"batch": batch, "patch": patch, "max_shift": config.max_shift, "seed": seed}
        pictures = Photographs(path, **options) if path else DeadLeaves(count, **options)

        def pairs_from(start):
            options = {"patch": patch, "max_shift": config.max_shift, "max_angle": actions.ANGLE, "start": start}
            return pairs.from_photos(pictures.crops(start), lambda images, s: noise.apply(spec, images, s), seed, **options)

        return pictures, pairs_from

    pictures, train = made("train", scale.sources, larger, scale.batch, seed)
    _, test = made("val", max(scale.sources // 4, 4), scale.box, cases.TEST_BATCH, seed + cases.TEST_SEED)
    inputs, truth = pairs.collect(test(0), scale.test_pairs)
    problem = Problem(
        kind=table.kind,
        side=scale.box,
        model=cases.SHIPPED["photos"],
        train=functools.partial(cases.repeated, train, scale),
        noise=condition.noise,
        scale=scale.name,
        config=config,
    )
    return cases.Case(problem, inputs, truth, pictures.files)

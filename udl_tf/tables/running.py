"""The cells of a table, one after the other: train, or take what was trained before, answer, and score."""

import collections
import functools
import pathlib
import time

import tensorflow as tf

from pipelines.files.fingerprint import fingerprint
from udl_tf.rivals import learning
from udl_tf.tables import (
    agents_cases,
    cache,
    cases,
    deformable_cases,
    features_cases,
    field_scores,
    homography_cases,
    match_scores,
    pictures,
    pose_scores,
    scores,
    tracking_cases,
)

BUILDERS = {
    "photos": cases.rigid,
    "particles": cases.rigid,
    "homography": homography_cases.build,
    "tracking": tracking_cases.build,
    "features": features_cases.build,
    "close": agents_cases.build,
    "deformable": deformable_cases.build,
}
MEASURES = {
    "features": match_scores.measures,
    "close": pose_scores.measures,
    "deformable": field_scores.measures,
}  # of tables with `Table.measures`: (case, answer) -> dict
MODELS = "models"
CODE = (  # that a training runs through
    "pipelines",
    "udl_tf.networks",
    "udl_tf.training",
    "udl_tf.rivals",
    *(f"udl_tf.tables.{name}_cases" for name in ("homography", "tracking", "features", "agents", "deformable")),
    "udl_tf.tables.cases",
)

Cell = collections.namedtuple("Cell", "row losses picture")
Cell.__doc__ = """One condition and one method.

`row`: dict of plain types, for CSV and JSON. `losses`: (steps,) of a method that is trained, else None. `picture`: of the first
pair, `pictures.Picture`.
"""


def cells(table, methods, scale, data, output, seed, tell=lambda text: None):
    """Generate the `Cell` of every condition and method, condition by condition.

    Args:
        table, scale: see `protocol`. methods: {name: `rivals.registry.Rival`}. data: see `cases.rigid`.
        output: folder of the models. seed: of everything. tell: called with a line of text.
    """
    number, trainings = 0, len(table.conditions) * sum(method.learns for method in methods.values())
    for condition in table.conditions:
        # Crops of photographs also hang on TensorFlow's global seed: the pairs must not depend on what was trained before.
        tf.keras.utils.set_random_seed(seed)
        case = BUILDERS[table.material](table, condition, scale, data, output, seed)
        level = scores.chance(table, case.truth, case.problem.side)
        for name, method in methods.items():
            if method.learns:
                number += 1
                tell(f"{condition.title}, {name} ({number} of {trainings})")
                trained, answer = _trained(name, method, case, table, condition, scale, output, seed, tell)
                if table.measures:
                    answer(case.inputs)  # what TensorFlow does at the first call is not what a pair costs
            else:
                trained, answer = None, functools.partial(method.function(table.kind), case.problem)
            began = time.perf_counter()
            found = answer(case.inputs)
            seconds = time.perf_counter() - began
            told = _measured(table, case, found, seconds) if table.measures else {}
            found = getattr(found, "transform", found)
            error = scores.errors(table, found, case.truth, case.problem.side)
            row = {
                "table": table.name,
                "condition": condition.name,
                "method": name,
                **scores.summary(error),
                "unit": table.unit,
                "chance": level,
                "converged": scores.converged(error, level) if method.learns else True,
                "printed": table.printed.get(name, {}).get(condition.name),
                "tests": len(error),
                **told,
                **(trained.about if trained else {"steps": None, "seconds": None, "cached": None, "model": None}),
            }
            yield Cell(row, trained.losses if trained else None, pictures.of(table, case, found))


def _measured(table, case, found, seconds):
    """The table's own measures, and milliseconds a pair."""
    return {**MEASURES[table.material](case, found), "ms": 1e3 * seconds / len(case.inputs["moving"])}


_Trained = collections.namedtuple("_Trained", "losses about")


def _trained(name, method, case, table, condition, scale, output, seed, tell):
    """`_Trained` and the answering function of a method: from the cache, or trained and kept there."""
    steps = scale.steps.get(table.material, {}).get(name)
    tf.keras.utils.set_random_seed(seed)
    learner = method.function(table.kind)(case.problem, steps)
    about = _about(name, case, table, condition, scale, learner.steps, seed)
    folder = pathlib.Path(output) / MODELS / cache.key(about)
    kept = cache.load(folder, learner.variables)
    fresh = kept is None
    if fresh:
        losses, seconds = learning.fit(learner, tell)
        cache.save(folder, about, learner.variables, losses, seconds)
        kept = cache.Kept(losses, seconds, len(losses))
    row = {"steps": kept.steps, "seconds": round(kept.seconds, 1), "cached": not fresh, "model": folder.name}
    return _Trained(kept.losses, row), learner.answer


def _about(name, case, table, condition, scale, steps, seed):
    """All that a trained model depends on, as plain types; what it is tested on is not among it."""
    import dataclasses

    from udl_tf.presets import as_dict
    from udl_tf.versions import code, versions

    tests = ("test_pairs", "sequences", "frames", "steps")
    sizes = {key: value for key, value in dataclasses.asdict(scale).items() if key not in tests}
    return {
        "method": name,
        "material": table.material,
        "taught": case.problem.taught or f"{condition.noise} {condition.image}".strip(),
        "scale": sizes,
        "steps": steps,
        "seed": seed,
        "config": as_dict(case.problem.config) if case.problem.config else None,
        "data": _fingerprint(tuple(case.files)),
        "code": code(*CODE),
        "versions": versions(),
    }


@functools.lru_cache(maxsize=8)
def _fingerprint(files):
    return fingerprint(files)

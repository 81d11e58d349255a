"""What a model of views answers: `classify`, and pairs that go through the views, written as a SavedModel."""

import json

import tensorflow as tf

from pipelines import geometry
from pipelines.files.atomic import atomic_folder
from udl_tf.alignment import saved_graph
from udl_tf.alignment.confidence import WITHIN
from udl_tf.alignment.models import find
from udl_tf.classification.view_graph import ViewGraph

PAIRS = "cryo"  # the shipped model that aligns pairs directly
AGREE = 10.0, 5.0  # degrees, and standard errors: an angle found directly that is this near does not contradict the views
IMAGES = tf.TensorSpec((None, None, None), tf.float32)
INDICES = tf.TensorSpec((None,), tf.int32)
RINGS = tf.TensorSpec((None, None), tf.float32)
OPTIONS = {"max_shift": tf.TensorSpec((), tf.float32), "fast": tf.TensorSpec((), tf.bool)}


def save(learned, folder, about):
    """Write a SavedModel of `view_graph.LearnedViews` in `folder`.

    Signatures: ``classify`` takes ``images`` (n, box, box), ``classify_ctf`` also ``ctf`` (n, box // 2 + 1) at 0, 1, 2, ...
    cycles per box; outputs: `udl_tf.alignment.class_result.ClassResult`. ``serving_default``, ``align_within`` and
    ``align_pairs`` are those of the shipped model, and say besides by ``view`` (n,) through which view a pair went, -1: directly.

    Args:
        about: dict for ``assets.extra/config.json``.
    """
    direct = tf.saved_model.load(str(find(PAIRS)))
    graph = ViewGraph(learned)
    module = tf.Module()
    known = {id(variable): variable for one in direct.signatures.values() for variable in one.variables}
    module.weights = [*known.values(), *graph.variables]
    with atomic_folder(folder) as part:
        tf.saved_model.save(module, str(part), signatures=_signatures(direct, graph))
        saved_graph.finish(part)
        (part / "assets.extra").mkdir()
        (part / "assets.extra" / "config.json").write_text(json.dumps(about, indent=2) + "\n")


def _signatures(direct, graph):
    within, among = direct.signatures["align_within"], direct.signatures["align_pairs"]
    classed = tf.function(lambda images: graph(_sized(images, graph.box)), input_signature=[IMAGES], autograph=False)

    def align(fixed, moving, max_shift, fast):
        found = within(fixed=fixed, moving=moving, max_shift=max_shift, fast=fast)

        def through():
            seen, count = classed(tf.concat([fixed, moving], 0)), tf.shape(fixed)[0]
            one, other = ({name: part[rows] for name, part in seen.items()} for rows in (slice(count), slice(count, None)))
            rows = tf.where(count == 1, tf.zeros((tf.shape(moving)[0],), tf.int32), tf.range(tf.shape(moving)[0]))
            return _through(found, {name: tf.gather(part, rows) for name, part in one.items()}, other, _limit(graph, max_shift))

        return tf.cond(tf.reduce_all(tf.shape(moving)[1:] == graph.box), through, lambda: _directly(found))

    def align_pairs(images, first, second, max_shift, fast):
        found = among(images=images, first=first, second=second, max_shift=max_shift, fast=fast)

        def through():
            seen = classed(images)
            one, other = ({name: tf.gather(part, rows) for name, part in seen.items()} for rows in (first, second))
            return _through(found, one, other, _limit(graph, max_shift))

        return tf.cond(tf.reduce_all(tf.shape(images)[1:] == graph.box), through, lambda: _directly(found))

    def classify_ctf(images, ctf):
        rings = tf.debugging.Assert(
            tf.reduce_all(tf.shape(ctf) == tf.stack([tf.shape(images)[0], graph.box // 2 + 1])),
            ["ctf: expected a row for each image, and columns", graph.box // 2 + 1, "; received", tf.shape(ctf)],
        )
        with tf.control_dependencies([rings]):
            return graph(_sized(images, graph.box), tf.identity(ctf))

    pair = {"fixed": IMAGES, "moving": IMAGES}
    default = tf.function(lambda fixed, moving: align(fixed, moving, tf.constant(-1.0), tf.constant(False)), autograph=False)
    return {
        "serving_default": default.get_concrete_function(**_named(pair)),
        "align_within": tf.function(align, autograph=False).get_concrete_function(**_named({**pair, **OPTIONS})),
        "align_pairs": tf.function(align_pairs, autograph=False).get_concrete_function(
            **_named({"images": IMAGES, "first": INDICES, "second": INDICES, **OPTIONS})
        ),
        "classify": tf.function(lambda images: classed(images), autograph=False).get_concrete_function(
            **_named({"images": IMAGES})
        ),
        "classify_ctf": tf.function(classify_ctf, autograph=False).get_concrete_function(
            **_named({"images": IMAGES, "ctf": RINGS})
        ),
    }


def _through(found, fixed, moving, limit):
    """Alignments found directly, replaced where both images are known to show one view and nothing speaks against it."""
    back = geometry.inverse(fixed["angle"], fixed["shift"])
    angle, shift = geometry.compose((moving["angle"], moving["shift"]), back)
    sigma = tf.sqrt(tf.square(fixed["sigma"]) + tf.square(moving["sigma"]))
    # Both views and angles are right; in place of the standard errors of each, that of the pair.
    alone = tf.math.erf(WITHIN / (2.0**0.5 * fixed["sigma"])) * tf.math.erf(WITHIN / (2.0**0.5 * moving["sigma"]))
    score = fixed["score"] * moving["score"] / tf.maximum(alone, 1e-6) * tf.math.erf(WITHIN / (2.0**0.5 * sigma))
    period = 360.0 / tf.cast(found["symmetry"], tf.float32)
    apart = geometry.angular_distance(angle, found["angle"], period)
    agree = apart < tf.maximum(AGREE[0], AGREE[1] * found["sigma"])
    known = (fixed["view"] == moving["view"]) & (fixed["junk"] == 0) & (moving["junk"] == 0)
    chosen = known & (agree | (score > found["score"])) & (tf.norm(shift, axis=1) <= limit)
    ours = {"angle": angle, "shift": shift, "score": score, "sigma": sigma}
    result = {
        name: tf.where(chosen[:, None] if part.shape.rank == 2 else chosen, part, found[name]) for name, part in ours.items()
    }
    return {**found, **result, "view": tf.where(chosen, moving["view"], -1)}


def _directly(found):
    return {**found, "view": -tf.ones_like(found["symmetry"])}


def _limit(graph, max_shift):
    """Pixels; negative: a quarter of the side."""
    return tf.where(max_shift < 0.0, graph.box / 4.0, max_shift)


def _sized(images, box):
    size = tf.shape(images)[1:]
    check = tf.debugging.Assert(
        tf.reduce_all(size == box), ["images: expected sides of", box, "pixels, those of the model; received", size]
    )
    with tf.control_dependencies([check]):
        return tf.ensure_shape(tf.identity(images), (None, box, box))


def _named(specs):
    return {name: tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in specs.items()}

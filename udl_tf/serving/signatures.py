"""What a served model answers: named signatures around the chain of a SavedModel that `udl_tf.fit` wrote.

| signature | inputs | outputs |
|---|---|---|
| `serving_default`, `align` | `fixed`, `moving` float32 (batch, height, width); `fixed` may hold one image for all | alignment |
| `align_within` | besides, `max_shift` float32 (), pixels, negative for the model's own; `fast` bool () | alignment |
| `align_to_one` | `fixed` float32 (height, width), `moving` float32 (batch, height, width) | alignment |
| `align_pairs` | `images` (n, height, width), `first`, `second` int32 (batch,), `max_shift`, `fast` | alignment |
| `align_full` | `fixed` float32 (batch, height, width) or one for all, `moving` (batch, any, any): any two sizes | registration |
| `align_encoded` | `fixed`, `moving` string (batch,): contents of PNG or JPEG files; `fixed` may hold one | alignment |
| `classify` | `images` (batch, box, box); only of models that know views, as is the next | classes |
| `classify_ctf` | besides, `ctf` float32 (batch, box // 2 + 1) at 0, 1, 2, ... cycles per box | classes |
| `warp` | `images` (batch, height, width), `angle` float32 (batch,) degrees, `shift` float32 (batch, 2) pixels | `aligned` |

An alignment is what `udl_tf.alignment.outputs.OUTPUTS` lists, by name, an entry for each pair; classes are the fields of
`udl_tf.alignment.class_result.ClassResult`, a registration those of `udl_tf.registration.full_resolution.answers`, float64.
Images that are not square are centre-cropped, but not by `align_full`. What cannot be aligned is refused inside the graph, so
that every server answers INVALID_ARGUMENT and says why.
"""

import tensorflow as tf

from pipelines.geometry.warp import warp
from udl_tf.alignment.aligner import LARGEST, SMALLEST
from udl_tf.registration.full_resolution import full_resolution
from udl_tf.serving.encoded import decode

LARGEST_FULL = 8192  # pixels, sides of pictures at their own resolution: a pair of the largest takes 1.3 GB beside itself

# The inputs that have one entry for each pair. The others are the same for all pairs of a call.
PER_PAIR = {
    "serving_default": ("fixed", "moving"),
    "align": ("fixed", "moving"),
    "align_within": ("fixed", "moving"),
    "align_to_one": ("moving",),
    "align_encoded": ("fixed", "moving"),
    "classify": ("images",),
    "classify_ctf": ("images", "ctf"),
    "warp": ("images", "angle", "shift"),
}


def compose(model, box=None):
    """Signatures around a loaded SavedModel, each a concrete function.

    Args:
        model: what `tf.saved_model.load` returned; its own signatures ``align_within`` and ``align_pairs`` are built upon.
        box: fixes the size of images to box x box pixels; None takes any.

    Returns:
        dict of concrete functions by name.
    """
    align_within, among = model.signatures["align_within"], model.signatures["align_pairs"]
    images = tf.TensorSpec((None, box, box), tf.float32)
    encoded, numbers = tf.TensorSpec((None,), tf.string), tf.TensorSpec((None,), tf.float32)
    indices, limit, flag = tf.TensorSpec((None,), tf.int32), tf.TensorSpec((), tf.float32), tf.TensorSpec((), tf.bool)

    def squares(fixed, moving):
        return align_within(fixed=fixed, moving=moving, max_shift=tf.constant(-1.0), fast=tf.constant(False))

    full = full_resolution(squares)

    def within(fixed, moving, max_shift, fast):
        fixed, moving = _checked_pair(fixed, moving)
        return align_within(fixed=fixed, moving=moving, max_shift=_checked_shift(max_shift, moving), fast=fast)

    def align(fixed, moving):
        return within(fixed, moving, tf.constant(-1.0), tf.constant(False))

    def align_to_one(fixed, moving):
        return align(fixed[None], moving)

    def align_pairs(images, first, second, max_shift, fast):
        images = _checked(images, "images")
        shift = _checked_shift(max_shift, images)
        first, second = _checked_rows(first, second, tf.shape(images)[0])
        return among(images=images, first=first, second=second, max_shift=shift, fast=fast)

    def align_full(fixed, moving):
        checks = _size_checks(fixed, "fixed", LARGEST_FULL) + _size_checks(moving, "moving", LARGEST_FULL)
        with tf.control_dependencies([_count_check(fixed, moving), *checks]):
            return full(tf.identity(fixed), tf.identity(moving))

    def align_encoded(fixed, moving):
        if box is None:
            return align(decode(fixed, "fixed"), decode(moving, "moving"))
        return align(
            *(tf.ensure_shape(decode(data, name), images.shape) for data, name in ((fixed, "fixed"), (moving, "moving")))
        )

    def turn_and_move(images, angle, shift):
        count = tf.shape(images)[0]
        same = (tf.shape(angle)[0] == count) & (tf.shape(shift)[0] == count)
        check = tf.debugging.Assert(same, ["expected one angle and one shift for each of", count, "images"])
        with tf.control_dependencies([check, *_size_checks(images, "images")]):
            known = [tf.where(tf.math.is_finite(pose), pose, tf.zeros_like(pose)) for pose in (angle, shift)]
        return {"aligned": warp(images, *known)}

    def classify(images):
        return model.signatures["classify"](images=_checked(images, "images"))

    def classify_ctf(images, ctf):
        return model.signatures["classify_ctf"](images=_checked(images, "images"), ctf=ctf)

    pair, pictures = {"fixed": images, "moving": images}, tf.TensorSpec((None, None, None), tf.float32)
    options = {"max_shift": limit, "fast": flag}
    views = {}
    if "classify" in model.signatures:
        views["classify"] = _concrete(classify, {"images": images})
        views["classify_ctf"] = _concrete(classify_ctf, {"images": images, "ctf": tf.TensorSpec((None, None), tf.float32)})
    return {
        **views,
        "serving_default": _concrete(align, pair),
        "align": _concrete(align, pair),
        "align_within": _concrete(within, {**pair, **options}),
        "align_to_one": _concrete(align_to_one, {"fixed": tf.TensorSpec((box, box), tf.float32), "moving": images}),
        "align_pairs": _concrete(align_pairs, {"images": images, "first": indices, "second": indices, **options}),
        "align_full": _concrete(align_full, {"fixed": pictures, "moving": pictures}),
        "align_encoded": _concrete(align_encoded, {"fixed": encoded, "moving": encoded}),
        "warp": _concrete(turn_and_move, {"images": images, "angle": numbers, "shift": tf.TensorSpec((None, 2), tf.float32)}),
    }


def _concrete(function, specs):
    named = {name: tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in specs.items()}
    return tf.function(function, autograph=False).get_concrete_function(**named)


def _checked_pair(fixed, moving):
    """The images of both sides, cropped; refuses counts and sizes that do not match."""
    sizes = tf.shape(fixed)[1:], tf.shape(moving)[1:]
    checks = [
        _count_check(fixed, moving),
        tf.debugging.Assert(
            tf.reduce_all(sizes[0] == sizes[1]),
            ["expected fixed and moving images of one size; received", sizes[0], "and", sizes[1]],
        ),
    ]
    with tf.control_dependencies(checks):
        return _checked(fixed, "fixed"), _checked(moving, "moving")


def _count_check(fixed, moving):
    counts = tf.shape(fixed)[0], tf.shape(moving)[0]
    return tf.debugging.Assert(
        (counts[0] == 1) | (counts[0] == counts[1]),
        ["expected one fixed image, or as many as moving; received fixed", counts[0], "moving", counts[1]],
    )


def _checked(images, name):
    """Square images from images (batch, height, width); refuses none, and sizes out of range."""
    with tf.control_dependencies(_size_checks(images, name)):
        size = tf.shape(images)[1:]
        side = tf.reduce_min(size)
        top, left = (size[0] - side) // 2, (size[1] - side) // 2
        return images[:, top : top + side, left : left + side]


def _size_checks(images, name, largest=LARGEST):
    size = tf.shape(images)[1:]
    fits = tf.reduce_all((size >= SMALLEST) & (size <= largest))
    some = tf.shape(images)[0] > 0
    return [
        tf.debugging.Assert(fits, [f"{name}: expected sides of {SMALLEST} to {largest} pixels; received", size]),
        tf.debugging.Assert(some, [f"{name}: expected one image or more; received none"]),
    ]


def _checked_shift(max_shift, images):
    """The largest shift; refuses NaN and more than a quarter of the side."""
    largest = tf.cast(tf.shape(images)[1], tf.float32) / 4.0
    check = tf.debugging.Assert(max_shift <= largest, ["max_shift: expected at most", largest, "pixels; received", max_shift])
    with tf.control_dependencies([check]):
        return tf.identity(max_shift)


def _checked_rows(first, second, count):
    """The indices of pairs; refuses those that are not there: on a GPU nothing else would."""
    checks = [
        tf.debugging.Assert(
            tf.shape(first)[0] == tf.shape(second)[0],
            ["expected as many first as second; received", tf.shape(first)[0], "and", tf.shape(second)[0]],
        ),
        tf.debugging.Assert(tf.shape(first)[0] > 0, ["first: expected one pair or more; received none"]),
        *(
            tf.debugging.Assert(
                tf.reduce_all((rows >= 0) & (rows < count)), [f"{name}: expected indices from 0 and below", count]
            )
            for name, rows in (("first", first), ("second", second))
        ),
    ]
    with tf.control_dependencies(checks):
        return tf.identity(first), tf.identity(second)

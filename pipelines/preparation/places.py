"""Places of an image that hold no information, and what is put there instead.

Masks, letterboxes, the outside of a round field of view, corners that an earlier turn left empty: areas of exactly one grey
value. Their rims are steps that lie still while the object turns, so two images agree on them whatever they show. Single
wild pixels, hot ones or hot columns, do the same. Both are filled with what surrounds them, so that no step is left.
"""

import tensorflow as tf

FLAT = 3  # pixels: side of the squares of one value that make an area without information
FEWEST = 0.002  # share of neighbours that must be equal before such areas are looked for
LEAST = 0.3  # share of the image that must be left: a drawing of a few grey values is flat nearly everywhere
WILD = 6.0  # standard deviations, beyond which a pixel is no noise
JUMP = 2.2  # times a wild pixel's jump exceeds how far it is from all others: in a pair of lines it is a half of that
BESIDE = 2  # pixels
EVERY = 4  # rows: one of them is looked at for equal neighbours
ROUNDS = 6  # in which wild pixels are found: the wildest hide the others
NODES = 32  # of the coarse grid that fills, along each axis
NEAR, FAR = 1.0, 6.0  # nodes: widths of the averages that fill
LITTLE = 1e-3  # weight of the far average: it counts where nothing is near


def without_empty_places(images, wild=True):
    """Images (batch, n, n), finite, whose places without information are filled, see `informative` and `filled`.

    Images that have none are bit-identical, and pay for no more than a look.
    """
    suspect = _may_be_flat(images)
    rows = tf.where(suspect | _may_be_wild(images) if wild else suspect)[:, 0]

    def work():
        some = tf.gather(images, rows)
        return tf.tensor_scatter_nd_update(images, rows[:, None], filled(some, informative(some, wild)))

    return tf.cond(tf.size(rows) > 0, work, lambda: images)


def informative(images, wild=True):
    """Which pixels hold information, float32 of 0 and 1, (batch, height, width).

    Args:
        images: float32 (batch, height, width), finite.
        wild: wild pixels hold none. Not so in photographs, whose lights may be single and bright.
    """
    flat = highest(images, FLAT) == -highest(-images, FLAT)
    weight = 1.0 - highest(tf.cast(flat, tf.float32), FLAT + 2)
    # Where such an area is thinner than a square: what has its grey value.
    ends = tf.where(flat, images, images.dtype.max), tf.where(flat, images, images.dtype.min)
    first, last = tf.reduce_min(ends[0], [1, 2], keepdims=True), tf.reduce_max(ends[1], [1, 2], keepdims=True)
    weight *= tf.cast((images != first) & (images != last), tf.float32)
    enough = tf.reduce_mean(weight, [1, 2], keepdims=True) >= LEAST
    weight = tf.where(enough & _may_be_flat(images)[:, None, None], weight, tf.ones_like(weight))
    return _without_wild(images, weight) if wild else weight


def filled(images, weight):
    """Images (batch, n, n) whose pixels without weight, float32 of the same shape, continue what is around them.

    Pixels with weight 1 are bit-identical.
    """
    level = _level(images, weight)
    off = tf.where(weight > 0.0, images - level, 0.0)
    size = tf.shape(images)[1]
    fine = 0.0, 0.0
    for width, share in ((NEAR, 1.0), (FAR, LITTLE)):
        down = _averages(size, width)  # (nodes, n)
        sums = [tf.matmul(tf.matmul(down, part), down, transpose_b=True) * share for part in (off, weight)]
        fine = fine[0] + sums[0], fine[1] + sums[1]
    up = _interpolation(size)  # (n, nodes)
    found = tf.matmul(tf.matmul(up, fine[0] / (fine[1] + 1e-12)), up, transpose_b=True) + level
    return tf.where(weight > 0.0, images, found)


def _may_be_flat(images):
    """Images in which enough neighbours are equal, bool (batch,)."""
    some = images[:, ::EVERY]  # rows
    equal = tf.reduce_mean(tf.cast(some[:, :, 1:] == some[:, :, :-1], tf.float32), [1, 2])
    return equal > FEWEST


def _may_be_wild(images):
    """Images with any pixel that is far from all others, bool (batch,)."""
    off = tf.square(images - tf.reduce_mean(images, [1, 2], keepdims=True))
    return tf.reduce_max(off, [1, 2]) > WILD**2 * tf.reduce_mean(off, [1, 2])


def _without_wild(images, weight):
    """`weight`, and 0 where a pixel is far from all others and from its neighbours on either side along an axis.

    The second keeps what is bright and smooth: an object's own peaks.
    """
    steep = JUMP * _jump(images)

    def look(known):
        off = images - _level(images, known)
        wild = (tf.square(off) > WILD**2 * _level(tf.square(off), known)) & (steep > tf.abs(off))
        return (weight * tf.cast(~wild, tf.float32),)

    return tf.while_loop(lambda *_: True, look, (weight,), maximum_iterations=ROUNDS)[0]


def _jump(images):
    """By how much pixels differ from the mean of the two that are `BESIDE` away along an axis; of both axes the more."""
    wide = tf.pad(images, [[0, 0], [BESIDE, BESIDE], [BESIDE, BESIDE]], "REFLECT")
    inner = slice(BESIDE, -BESIDE)
    pairs = (
        (wide[:, : -2 * BESIDE, inner], wide[:, 2 * BESIDE :, inner]),
        (wide[:, inner, : -2 * BESIDE], wide[:, inner, 2 * BESIDE :]),
    )
    return tf.maximum(*(tf.abs(images - (one + other) / 2.0) for one, other in pairs))


def _level(images, weight):
    """Mean under weights, (batch, 1, 1)."""
    total = tf.reduce_sum(weight, [1, 2], keepdims=True)
    return tf.reduce_sum(images * weight, [1, 2], keepdims=True) / tf.maximum(total, 1.0)


def highest(images, side):
    """Maximum over the square of `side` pixels about each; at the border of what there is."""
    rows = tf.nn.max_pool2d(images[..., None], (side, 1), 1, "SAME")
    return tf.nn.max_pool2d(rows, (1, side), 1, "SAME")[..., 0]


def _averages(size, width):
    """Gaussian averages about each node of the coarse grid, float32 (nodes, size)."""
    nodes, pixels = _places(size)
    return tf.exp(-0.5 * tf.square((nodes[:, None] - pixels[None, :]) / width)) / tf.cast(size, tf.float32)


def _interpolation(size):
    """Linear interpolation from the nodes to pixels, float32 (size, nodes)."""
    nodes, pixels = _places(size)
    return tf.maximum(1.0 - tf.abs(pixels[:, None] - nodes[None, :]), 0.0)


def _places(size):
    """Nodes and pixels along an axis in units of the nodes' spacing; the first and last pixel are nodes."""
    nodes = tf.range(NODES, dtype=tf.float32)
    return nodes, tf.range(tf.cast(size, tf.float32)) * ((NODES - 1.0) / (tf.cast(size, tf.float32) - 1.0))

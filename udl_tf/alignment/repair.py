"""Salt-and-pepper noise is found and filled in before anything else; every other image passes bit-identical.

Impulses are pixels at the image's own minimum or maximum, but so are saturated skies, black frames, ink on paper and clipped
noise. What tells impulses apart is that they fall anywhere, whatever is next to them. An image is touched only where, for
the salt or for the pepper,

- many candidates stand out of the ordinary (not extreme) pixels around them, and by far more than ordinary pixels do: clipped
  or coarsely quantised noise has as many values just short of the extreme;
- they stand out of their nearest neighbours as much as of those further away, and have no more of their own kind next to them
  than ordinary pixels have: highlights, edges, letters and sharpened or posterised pictures do;
- they are about as many as their share of all neighbours leads one to expect: rims of saturated areas are not.

Images of four grey values or fewer are left alone.

Everything is counted in two square windows around each pixel, 3 x 3 (near) and 7 x 7 (wide), the pixel itself left out. In
here images are (height, width, n): windows then slide over rows of n neighbouring numbers, which is three times as fast.
"""

import collections

import tensorflow as tf

AT_ONCE = 64  # images: more of them do not fit into the processor's caches
NEAR, WIDE = 1, 3  # half widths of the windows, pixels
NEAR_PART = 0.65  # of the near window in the mean that pixels are compared with
FILL = (0.001, 0.044, 0.458, 1.0, 0.458, 0.044, 0.001)  # in each direction, of the clean pixels that fill: Gaussian, 0.8 pixels
FEWEST = 20  # candidates that stand out, for each of salt and pepper ...
SMALLEST_SHARE = 0.0015  # ... and their share of the image; of twice as many candidates, half may not stand out
LARGEST_SHARE = 0.4  # of salt, and of pepper, around ordinary pixels: beyond it they are the picture
SMALLEST_ORDINARY = 0.2  # share of the image that must be ordinary
STANDS_OUT = 3.5  # mean absolute deviations of ordinary pixels
SCATTER = 3.5  # standard deviations of a count by chance, beyond which a neighbourhood is a saturated area

# Bounds on what `_judge` measures; the weaker ones hold for salt once pepper is sure, and the other way round.
_Bounds = collections.namedtuple("_Bounds", "tail tail_share tail_least near_far crowded lonely expected growth")
ALONE = _Bounds(tail=2.5, tail_share=0.009, tail_least=0.2, near_far=0.88, crowded=0.015, lonely=0.05, expected=0.1, growth=0.8)
BACKED = _Bounds(tail=5.0, tail_share=0.03, tail_least=0.2, near_far=0.8, crowded=0.04, lonely=0.1, expected=0.04, growth=0.0)


def repair(images):
    """Fill impulses from their clean neighbours.

    Args:
        images: float32 (batch, height, width), any grey values.

    Returns:
        The same shape. Pixels that `impulses` does not mark, so all of an image without impulses, are bit-identical.
    """

    def fill(chosen):
        found, mean = _examine(chosen)
        return tf.where(found, mean, chosen)

    images = tf.convert_to_tensor(images, tf.float32)
    return _where_needed(images, fill, images)


def impulses(images):
    """Where images (batch, height, width) have impulses: bool of the same shape.

    Impulses that hardly differ from their surroundings may go unseen, and a share of 0.3 % or less of the pixels. An image with
    NaN or infinite pixels has none.
    """
    images = tf.convert_to_tensor(images, tf.float32)
    return _where_needed(images, lambda chosen: _examine(chosen)[0], tf.zeros_like(images, tf.bool))


def _where_needed(images, work, otherwise):
    """`work` on the images with enough pixels at their minimum or maximum, `otherwise` for the rest, which pay for no more."""
    salt = _share(tf.equal(images, tf.reduce_max(images, axis=[1, 2], keepdims=True)))
    pepper = _share(tf.equal(images, tf.reduce_min(images, axis=[1, 2], keepdims=True)))
    needed = (tf.maximum(salt, pepper) >= 2.0 * SMALLEST_SHARE) & (salt + pepper <= 1.0 - SMALLEST_ORDINARY)
    rows = tf.where(needed)[:, 0]

    def step(start, done):
        some = rows[start : start + AT_ONCE]
        result = work(tf.transpose(tf.gather(images, some), [1, 2, 0]))
        return start + AT_ONCE, tf.tensor_scatter_nd_update(done, some[:, None], tf.transpose(result, [2, 0, 1]))

    return tf.while_loop(lambda start, _: start < tf.size(rows), step, (0, otherwise))[1]


def _share(mask):
    return tf.reduce_mean(tf.cast(mask, tf.float32), axis=[1, 2])


def _examine(images):
    """The impulses of images (height, width, n), bool, and the mean of the clean pixels around every pixel."""
    low, high = tf.reduce_min(images, axis=[0, 1]), tf.reduce_max(images, axis=[0, 1])  # (n,)
    values = (images - low) / (high - low)  # (height, width, n), 0 to 1
    salt, pepper = tf.cast(tf.equal(images, high), tf.float32), tf.cast(tf.equal(images, low), tf.float32)
    ordinary = 1.0 - salt - pepper
    pixels = _by_window(tf.ones_like(salt[..., :1]))  # fewer at the borders
    counts, salty = _by_window(ordinary), _by_window(salt)
    peppery = _Windows(*(total - a - b for total, a, b in zip(pixels, counts, salty)))
    known = ordinary * values
    sums = _by_window(known)

    further = counts.wide - counts.near
    far = (sums.wide - sums.near) / tf.maximum(further, 1.0)  # the mean of the wide window without the near one
    tilt = (sums.near / tf.maximum(counts.near, 1.0) - far) * tf.minimum(counts.near, 1.0)  # the near one's mean less that
    deviations = values - far - NEAR_PART * tilt
    covered = tf.cast(further > 0.1 * pixels.wide, tf.float32)  # elsewhere there is too little to compare with
    around = ordinary * covered
    judged = [
        _judge(sign * deviations, sign * tilt, these, covered, around, near / pixels.near, wide / pixels.wide)
        for sign, these, (near, wide) in ((1.0, salt, salty), (-1.0, pepper, peppery))
    ]

    possible = tf.math.is_finite(tf.reduce_sum(values, [0, 1]))
    possible &= (judged[0].share < LARGEST_SHARE) & (judged[1].share < LARGEST_SHARE) & _has_levels(known, ordinary)
    found = tf.zeros_like(salt, tf.bool)
    for side, other in (judged, judged[::-1]):
        found |= possible & (side.alone | (side.backed & other.alone)) & side.scattered

    # Saturated areas, and either kind where only the other is noise, are among the clean.
    clean = 1.0 - tf.cast(found, tf.float32)
    weight = _filtered(clean, FILL)
    mean = _filtered(clean * values, FILL) / tf.maximum(weight, FILL[0] ** 2)
    return found & (weight > 0.0), low + (high - low) * mean


_Windows = collections.namedtuple("_Windows", "near wide")
_Judgement = collections.namedtuple("_Judgement", "alone backed share scattered")


def _judge(deviations, tilt, these, covered, around, crowd, density):
    """Whether salt (or pepper, with the signs turned) is noise, and which pixels would be it.

    Args:
        deviations: from the mean of the ordinary neighbours, positive towards the extreme.
        tilt: by which near neighbours are closer to the extreme than those further away.
        these: 1 for the candidates. covered: 1 for pixels with enough ordinary neighbours. around: the ordinary ones of these.
        crowd, density: shares of the candidates' kind among the near neighbours and in the wide window.
            All of them float (height, width, n).

    Returns:
        `_Judgement`: whether it is noise by itself (n,), and if the other one is (n,); the share of it to be expected (n,); the
        candidates that lie scattered (height, width, n), which are all but those in saturated areas.
    """
    size = tf.cast(tf.size(these[..., 0]), tf.float32)
    share = _mean(density, around)  # seen by pixels that are no candidates: that of impulses, which fall anywhere
    densest = tf.maximum(0.08, share + SCATTER * tf.sqrt(share * (1.0 - share) / 48.0))
    scattered = tf.logical_and(these > 0.0, density < densest)
    standing = tf.logical_and(scattered, deviations > STANDS_OUT * _mean(tf.abs(deviations), around))
    standing = tf.cast(standing, tf.float32) * covered
    number, height = tf.reduce_sum(standing, [0, 1]), _mean(deviations, standing)  # (n,), as what follows

    # Fourth powers of the ordinary deviations towards this extreme, in units of the candidates' own: how heavy the tail is.
    tail = tf.reduce_sum(around * tf.square(tf.square(tf.maximum(deviations, 0.0))), [0, 1])
    tail /= tf.maximum(tf.square(tf.square(height)), 1e-12)
    near_far = 1.0 - _mean(tilt, standing) / tf.maximum(height, 1e-6)
    crowded = _mean(crowd, standing) - _mean(crowd, around)
    error = tf.sqrt(share * (1.0 - share) / tf.maximum(8.0 * number, 1.0))  # of `crowded`, by chance
    expected = tf.reduce_sum(around, [0, 1]) * share / (1.0 - share)
    many = number >= tf.maximum(float(FEWEST), SMALLEST_SHARE * size)

    def within(bounds):
        light = tail < tf.minimum(bounds.tail * number, tf.maximum(bounds.tail_share * size, bounds.tail_least * number))
        alike = (crowded < bounds.crowded + 2.0 * error) & (crowded > -bounds.lonely) & (near_far > bounds.near_far)
        return many & light & alike & (number > (bounds.expected + bounds.growth * share) * expected)

    return _Judgement(within(ALONE), within(BACKED), share, scattered)


def _has_levels(known, ordinary):
    """Whether more than a few of the ordinary pixels are none of their own extremes, as where there are five grey values (n,)."""
    low, high = tf.reduce_min(known + (1.0 - ordinary), [0, 1]), tf.reduce_max(known, [0, 1])
    between = tf.cast(tf.logical_and(known > low, known < high), tf.float32)
    return tf.reduce_sum(between, [0, 1]) > 0.1 * tf.reduce_sum(ordinary, [0, 1])


def _mean(values, weights):
    """Weighted mean over each image, (n,); 0 where there is no weight."""
    return tf.reduce_sum(values * weights, [0, 1]) / tf.maximum(tf.reduce_sum(weights, [0, 1]), 1.0)


def _by_window(images):
    """Sums over the pixels around every pixel of images (height, width, n), itself left out, in both windows; zero outside."""
    return _Windows(*(_filtered(images, (1.0,) * (2 * reach + 1)) - images for reach in (NEAR, WIDE)))


def _filtered(images, taps):
    """Images (height, width, n) correlated with the same taps in both directions; zero outside."""
    count = tf.shape(images)[2]
    images = images[None]
    for shape in ((len(taps), 1, 1, 1), (1, len(taps), 1, 1)):
        kernel = tf.tile(tf.reshape(tf.constant(taps), shape), tf.stack([1, 1, count, 1]))
        images = tf.nn.depthwise_conv2d(images, kernel, [1, 1, 1, 1], "SAME")
    return images[0]

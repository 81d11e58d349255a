"""Crops of sections and of what they are to be made from, endlessly: turned by quarter turns, mirrored, and back to front.

A triplet is a section and the slices around it, in their order along the volume. Everything that is drawn depends on a seed and
the number of the batch alone, so that a training can be gone on with.
"""

import tensorflow as tf

from pipelines import draws


@tf.autograph.experimental.do_not_convert
def triplets(slices, sections, side, batch, seed, start=0, margin=0):
    """Batches of crops of triplets.

    Args:
        slices: (n, height, width, slices), any real type; back to front is as likely as front to back. sections: (n, height,
            width). side: of the crops of sections. batch: crops at a time. seed: integer. start: number of the first batch.
        margin: pixels that crops of slices are larger, on each side.

    Returns:
        Endless tf.data.Dataset of dicts: ``slices`` float32 (batch, side + 2 margin, side + 2 margin, slices), ``section``
        float32 (batch, side, side).
    """
    slices, sections = tf.constant(slices), tf.constant(sections)
    count, height, width = sections.shape
    wide = side + 2 * margin

    def cut(number):
        seeds = draws.split(tf.stack([tf.constant(seed, tf.int32), tf.cast(number, tf.int32)]), 4)
        which, top, left, way = (
            draws.integers((batch, 1, 1), own, 0, limit)
            for own, limit in zip(tf.unstack(seeds), (count, height - wide + 1, width - wide + 1, 16), strict=True)
        )
        rows, columns = turned(wide, way)
        places = (which * height + top + rows) * width + left + columns  # (batch, wide, wide)
        seen = tf.cast(tf.gather(tf.reshape(slices, (-1, slices.shape[-1])), places), tf.float32)
        inner = places[:, margin : wide - margin, margin : wide - margin]
        section = tf.cast(tf.gather(tf.reshape(sections, (-1,)), inner), tf.float32)
        return {"slices": tf.where((way < 8)[..., None], seen, seen[..., ::-1]), "section": section}

    numbers = tf.data.Dataset.range(start, 2**31 - 1)
    return numbers.map(cut, num_parallel_calls=2, deterministic=True).prefetch(2)


def turned(side, way):
    """Rows and columns (batch, side, side) of square crops by `way` (batch, 1, 1), of which three bits turn and mirror them."""
    down, right = tf.range(side)[None, :, None], tf.range(side)[None, None, :]
    rows = tf.where(way % 2 == 0, down, right)
    columns = tf.where(way % 2 == 0, right, down)
    rows = tf.where(way // 2 % 2 == 0, rows, side - 1 - rows)
    return rows, tf.where(way // 4 % 2 == 0, columns, side - 1 - columns)

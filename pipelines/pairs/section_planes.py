"""Examples of planes across the sections of a coarse volume, made of its sections themselves: thinned along x or along y.

A section is as fine along both its axes. Of every `factor`-th of its columns, or rows, it looks like a plane across the volume;
the sections before and after lie as far from it as its columns from one another. What is to be made is known: the section.
"""

import tensorflow as tf

from pipelines import draws


@tf.autograph.experimental.do_not_convert
def thinned(volumes, depths, shape, first, beside, factor, batch, seed, start=0, margin=0):
    """Batches of crops, mirrored along each of the three axes at random.

    Args:
        volumes: the volume (n, height, width), any real type, three times: blurred along x, blurred along y (as it is to be where
            it is thinned along that axis), and as it is, for what is to be made. depths: (m,) numbers of the sections that are
            made, with `beside` good ones on both sides. shape: (sections, planes, width) of an example.
        first: place of the first plane in pixels from the first section. beside: sections seen on each side. factor: pixels from
            one section to the next. batch: crops at a time. seed: integer. start: number of the first batch. margin: pixels that
            what is seen is wider, on each side.

    Returns:
        Endless tf.data.Dataset of dicts: ``sections`` float32 (batch, sections, width + 2 margin, 2 beside + 1), ``planes``
        float32 (batch, planes, width).
    """
    height, width = volumes[2].shape[1:]
    depths = tf.constant(depths, tf.int32)
    sections, planes, side = shape
    thin_x, thin_y, whole = (tf.reshape(tf.constant(volume), (-1,)) for volume in volumes)
    long, wide = (sections - 1) * factor + 1, side + 2 * margin
    sides = tf.constant([[width, height], [height, width]])  # along the thinned axis and across it, by which axis that is

    def cut(number):
        seeds = draws.split(tf.stack([tf.constant(seed, tf.int32), tf.cast(number, tf.int32)]), 4)
        depth = tf.gather(depths, draws.integers((batch, 1, 1), seeds[0], 0, depths.shape[0]))
        way = draws.integers((batch, 1, 1), seeds[1], 0, 16)
        along_y = way % 2
        room = tf.gather(sides, along_y) - tf.constant([long, wide])  # (batch, 1, 1, 2)
        corner = tf.cast(draws.uniform((batch, 1, 1, 2), seeds[2]) * tf.cast(room + 1, tf.float32), tf.int32)
        corner = tf.minimum(corner, room)

        def places(along, across, layer):
            along = tf.where(way // 2 % 2 == 0, along, long - 1 - along) + corner[..., 0]
            across = tf.where(way // 4 % 2 == 0, across, wide - 1 - across) + corner[..., 1]
            row, column = tf.where(along_y == 1, along, across), tf.where(along_y == 1, across, along)
            return ((depth + layer) * height + row) * width + column

        along, across = tf.range(sections)[None, :, None] * factor, tf.range(wide)[None, None, :]
        layers = range(-beside, beside + 1)
        seen = tf.stack([_either(along_y, thin_x, thin_y, places(along, across, layer)) for layer in layers], -1)
        seen = tf.where((way // 8 % 2 == 0)[..., None], seen, seen[..., ::-1])
        inner = tf.range(margin, wide - margin)[None, None, :]
        made = tf.gather(whole, places(first + tf.range(planes)[None, :, None], inner, 0))
        return {"sections": tf.cast(seen, tf.float32), "planes": tf.cast(made, tf.float32)}

    numbers = tf.data.Dataset.range(start, 2**31 - 1)
    return numbers.map(cut, num_parallel_calls=2, deterministic=True).prefetch(2)


def _either(along_y, thin_x, thin_y, places):
    return tf.where(along_y == 1, tf.gather(thin_y, places), tf.gather(thin_x, places))

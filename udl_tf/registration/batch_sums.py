"""`block_sums` in a graph: of a batch of pairs whose pixels are all at hand, a few tiles at a time."""

import tensorflow as tf

from pipelines.geometry import frame_tensors
from udl_tf.registration.block_sums import CLUSTERS, PIXELS, TILE
from udl_tf.registration.numbers import TENSORS, radius
from udl_tf.registration.tile_sums import BLOCK, HALO, ROWS, tile_sums


def batch_sums(fixed: tf.Tensor, moving: tf.Tensor, sizes: tuple, level: tf.Tensor, state) -> tf.Tensor:
    """Sums of products over clusters of blocks.

    Args:
        fixed: float32 (1 or batch, height, width), the pictures of a level; one may serve all pairs.
        moving: (batch, any, any), the same. sizes: (height, width) of both at full resolution.
        level: int32. state: `steps.State` of the pairs; for those that are not active there is nothing.

    Returns:
        float64 (batch, clusters, 9, 9), zeros in those without any weight.
    """
    size, other = tf.shape(fixed)[1:], tf.shape(moving)[1:]
    far = tf.reverse(other, [0])  # x, y
    maps = level_maps(level, state.angle, state.shift, *sizes)
    tile = BLOCK * _times(size, BLOCK * _times(size, TILE))
    tiles = _times(size, tile)
    places = _grid(tiles) * tf.reverse(tile, [0])  # x, y of the first pixel of each tile
    work, local, there = _work(maps, places, tile, far, state.active)
    frame = tf.concat([tf.cast(tf.concat([tf.reverse(size, [0]), far], 0), tf.float64), [radius(size, TENSORS)]], 0)
    frame, known = tf.cast(frame, tf.float32), tf.cast(state.known, tf.float32)
    across = tf.reduce_max(tf.where(state.active[:, None, None], tf.abs(maps[:, :, :2]), 0.0), 0)
    reach = tf.linalg.matvec(across, tf.cast(tf.reverse(tile, [0]), tf.float64) + 1.0)
    patch = tf.reverse(tf.cast(tf.math.ceil(reach), tf.int32), [0]) + 2 * HALO + 2

    blocks = tiles * (tile // BLOCK)
    side = tf.maximum(1, tf.reduce_min(blocks) // CLUSTERS)
    clusters = _times(blocks, side)
    number = tf.reduce_prod(clusters)
    within = _grid(tile // BLOCK)
    step = tf.maximum(1, PIXELS // tf.reduce_prod(tile))
    one_for_all = tf.cast(tf.shape(fixed)[0] > 1, tf.int32)

    def add(start, sums):
        rows = slice(start, start + step)
        pair, place = work[rows, 0], tf.gather(places, work[rows, 1])
        still = _patches(fixed, pair * one_for_all, place - HALO, tile + 2 * HALO)
        moved = _patches(moving, pair, there[rows], patch)
        about = tf.cast(local[rows], tf.float32), tf.cast(place, tf.float32), tf.cast(there[rows], tf.float32)
        found = tile_sums(still, moved, *about, frame, tf.gather(known, pair))
        at = (place[:, None] // BLOCK + within) // side
        at = pair[:, None] * number + at[:, :, 1] * clusters[1] + at[:, :, 0]
        found = tf.cast(tf.reshape(found, (-1, ROWS * ROWS)), tf.float64)
        return start + step, sums + tf.math.unsorted_segment_sum(found, tf.reshape(at, [-1]), tf.shape(sums)[0])

    batch = tf.shape(moving)[0]
    nothing = tf.zeros(tf.stack([batch * number, ROWS * ROWS]), tf.float64)
    _, sums = tf.while_loop(lambda start, _: start < tf.shape(work)[0], add, (0, nothing), parallel_iterations=1)
    return tf.reshape(sums, tf.stack([batch, number, ROWS, ROWS]))


def level_maps(level, angle, shift, fixed, moving):
    """The maps (batch, 2, 3) from a level's pixels of the fixed frame to those of the moving one."""
    scale = tf.pow(tf.constant(2.0, tf.float64), tf.cast(level, tf.float64))
    maps = frame_tensors.pixel_maps(angle, shift, fixed, moving)
    first = (scale - 1.0) / 2.0  # where the first pixel of the level lies
    place = (tf.reduce_sum(maps[:, :, :2], 2) * first + maps[:, :, 2] - first) / scale
    return tf.concat([maps[:, :, :2], place[:, :, None]], 2)


def _work(maps, places, tile, far, active):
    """What is to be looked at: the tiles of active pairs that meet the moving frame, of width and height `far`.

    Returns:
        (int32 (n, 2) of pairs and tiles, their maps (n, 2, 3) to their patches, int32 (n, 2), x, y of the patches' first pixels).
    """
    corners = tf.cast(tf.stack([tf.stack([x, y]) for x in (-1, tile[1]) for y in (-1, tile[0])]), tf.float64)
    points = tf.cast(places, tf.float64)[:, None] + corners  # (tiles, 4, 2)
    linear, place = maps[:, None, None, :, :2], maps[:, None, None, :, 2]
    ends = tf.linalg.matvec(linear, points) + place  # (batch, tiles, 4, 2)
    low, high = tf.reduce_min(ends, 2), tf.reduce_max(ends, 2)
    meets = tf.reduce_all((high >= 0.0) & (low <= tf.cast(far, tf.float64) - 1.0), 2) & active[:, None]
    work = tf.where(meets)
    there = tf.cast(tf.math.floor(tf.gather_nd(low, work)), tf.int32) - HALO
    maps = tf.gather(maps, work[:, 0])
    moved = tf.linalg.matvec(maps[:, :, :2], tf.cast(tf.gather(places, work[:, 1]), tf.float64)) - tf.cast(there, tf.float64)
    local = tf.concat([maps[:, :, :2], (maps[:, :, 2] + moved)[:, :, None]], 2)
    return tf.cast(work, tf.int32), local, there


def _patches(images, rows, corners, size):
    """Patches (n, *size) of images (any, height, width): rows (n,), corners (n, 2) x, y; outside, the nearest pixel inside."""
    height, width = tf.unstack(tf.shape(images)[1:])
    y = tf.clip_by_value(corners[:, 1:] + tf.range(size[0]), 0, height - 1)
    x = tf.clip_by_value(corners[:, :1] + tf.range(size[1]), 0, width - 1)
    rows, height, width = (tf.cast(one, tf.int64) for one in (rows, height, width))  # there may be more pixels than int32 counts
    first = (rows[:, None] * height + tf.cast(y, tf.int64)) * width
    return tf.gather(tf.reshape(images, [-1]), first[:, :, None] + tf.cast(x, tf.int64)[:, None, :])


def _grid(counts):
    """All (x, y) below counts (down, right), row by row: int32 (n, 2)."""
    y, x = tf.meshgrid(tf.range(counts[0]), tf.range(counts[1]), indexing="ij")
    return tf.reshape(tf.stack([x, y], -1), (-1, 2))


def _times(length, part):
    """How many parts it takes, whole numbers."""
    return -(-length // part)

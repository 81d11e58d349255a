"""An edge across an image: carbon beside a hole, a half of the frame that is brighter; the step is taken off.

No surface describes a step, and the object does not have it in its rim. It is fitted to the rim, where the particle is not, and
goes where it explains nearly all that is not noise there, and far more than a surface of second degree does. Without one,
images stay as they are to the last bit.
"""

import collections

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.preparation.background import LEAST, TERMS, ramp

BLOCKS = 32  # along an axis: steps are looked for among their means
RIM = 0.75  # of half the image's side: particles lie within it
ANGLES, PLACES, REACH = 24, 25, 0.9  # straight ones tried over half a turn, and as many distances from the centre up to REACH
# Then around the best: radians, distances, and curvatures (one over the radius), in halves of the side.
CLOSER = ((0.028, 7), (0.021, 7), (0.0, 1)), ((0.0, 1), (0.03, 9), (0.1, 13)), ((0.01, 5), (0.006, 7), (0.03, 3))
SUPPORT = 0.04  # share of the rim that lies on the smaller side at least
GAIN = 40.0, 100.0  # how much more than the surface a step explains, in variances of a block of noise: up to which it stays, goes
SHARE = 0.6, 0.8  # the same, share that it explains of what is not noise

Edge = collections.namedtuple("Edge", "angle place curvature")  # radians of its normal, distance from the centre, see CLOSER


def without_edge(images):
    """Images of particles (batch, n, n), n known, finite, less the step of an edge that crosses them, if one does.

    Of sides below two pixels a block it cannot be told what noise there is; they stay as they are.
    """
    size = images.shape[1]
    if size < 2 * BLOCKS:
        return images
    blocks, noise = _blocks(images)
    x, y, rim = _coarse(size)
    values = tf.gather(tf.reshape(blocks, (-1, rim.size)), np.flatnonzero(rim).astype(np.int32), axis=1)  # (batch, places)
    values -= tf.reduce_mean(values, 1, keepdims=True)
    spots, width = np.stack([x[rim], y[rim]]).astype(np.float32), 2.0 * (size // BLOCKS) / size
    tried = (np.arange(ANGLES) * np.pi / ANGLES, np.linspace(-REACH, REACH, PLACES), np.zeros(1))
    tried = Edge(*(part.reshape(1, -1).astype(np.float32) for part in np.meshgrid(*tried, indexing="ij")))
    fit = tf.square(tf.matmul(values, _unit(_step(spots, tried, width))[0][0], transpose_b=True))  # (batch, edges)
    best, explained = tf.argmax(fit, 1), tf.reduce_max(fit, 1)
    surface = tf.reduce_sum(tf.square(tf.matmul(values, _surfaces(*spots))), 1)
    left = tf.reduce_sum(tf.square(values), 1) - values.shape[1] * noise
    goes = ramp((explained - surface) / noise, *GAIN) * ramp(tf.math.divide_no_nan(explained, left), *SHARE)
    rows = tf.where(goes[:, 0, 0] > 0.0)[:, 0]

    def take_off():
        edge = Edge(*(tf.gather(part[0], tf.gather(best, rows))[:, None] for part in tried))
        some, offsets = tf.gather(values, rows), tf.constant(_offsets())

        def closer(stage, edge, height):
            return stage + 1, *_closer(some, spots, edge, offsets[stage], width)

        start = 0, edge, tf.zeros_like(edge.angle)
        _, edge, height = tf.while_loop(lambda stage, *_: stage < len(CLOSER), closer, start)
        step = tf.reshape(_step(_pixels(size), edge, 2.0 / size), (-1, size, size))
        step -= tf.reduce_mean(step, [1, 2], keepdims=True)
        return tf.tensor_scatter_nd_sub(images, rows[:, None], tf.gather(goes, rows) * step * height[:, :, None])

    return tf.cond(tf.size(rows) > 0, take_off, lambda: images)


def _offsets():
    """Of angle, place and curvature, of the edges tried in each stage of CLOSER: float32 (stages, 3, edges)."""
    grids = [[step * (np.arange(count) - count // 2) for step, count in grid] for grid in CLOSER]
    tables = [np.stack(np.meshgrid(*grid, indexing="ij")).reshape(3, -1) for grid in grids]
    most = max(table.shape[1] for table in tables)
    return np.stack([np.pad(table, [(0, 0), (0, most - table.shape[1])]) for table in tables]).astype(np.float32)


def _closer(values, spots, edge, offsets, width):
    """The best `Edge` (batch, 1) of those around one by offsets (3, edges), and the height (batch, 1) of its step."""
    tried = Edge(*(part + one for part, one in zip(edge, tf.unstack(offsets), strict=True)))
    unit, norm = _unit(_step(spots, tried, width))  # (batch, edges, places), (batch, edges)
    found = tf.einsum("bp,bep->be", values, unit)
    winner = tf.argmax(tf.abs(found), 1)
    *edge, found, norm = (tf.gather(part, winner, batch_dims=1)[:, None] for part in (*tried, found, norm))
    return Edge(*edge), tf.math.divide_no_nan(found, norm)


def _blocks(images):
    """Means of blocks (batch, BLOCKS, BLOCKS), and the variance (batch,) that white noise gives to one of the rim."""
    every = images.shape[1] // BLOCKS
    mean, square = (tf.nn.avg_pool2d(part[..., None], every, every, "VALID")[..., 0] for part in (images, tf.square(images)))
    rim = _coarse(images.shape[1])[2].astype(np.float32)
    fast = tf.reduce_sum((square - tf.square(mean)) * rim, [1, 2]) / rim.sum()
    return mean, fast / (every**2 - 1.0) + LEAST * tf.reduce_mean(square, [1, 2]) + 1e-12


def _coarse(size):
    """Places x, y of the blocks in halves of the side, and which are of the rim: (m, m) each."""
    line, every = geometry.halves_of_side(size), size // BLOCKS
    line = line[: size // every * every].reshape(-1, every).mean(1)
    x, y = np.meshgrid(line, line)
    return x, y, np.hypot(x, y) > RIM


def _pixels(size):
    """Places x, y (2, pixels) in halves of the side, made in the graph and not stored with it."""
    line = geometry.halves_of_side(size)
    return tf.stack([tf.reshape(part, (-1,)) for part in tf.meshgrid(line, line)])


def _step(spots, edge, width):
    """Steps at spots (2, places) of edges (batch, edges): (batch, edges, places) from 0 to 1."""
    cosine, sine = tf.cos(edge.angle)[..., None], tf.sin(edge.angle)[..., None]
    along, across = cosine * spots[0] + sine * spots[1], cosine * spots[1] - sine * spots[0]
    beyond = along - edge.place[..., None] + 0.5 * edge.curvature[..., None] * tf.square(across)
    return tf.clip_by_value(beyond / width + 0.5, 0.0, 1.0)


def _unit(steps):
    """Steps less their means, at norm 1, or 0 of those with too little on one side; and that norm (batch, edges)."""
    share = tf.reduce_mean(steps, -1, keepdims=True)
    steps = steps - share
    norm = tf.norm(steps, axis=-1, keepdims=True)
    unit = tf.where((share > SUPPORT) & (share < 1.0 - SUPPORT), tf.math.divide_no_nan(steps, norm), 0.0)
    return unit, norm[..., 0]


def _surfaces(x, y):
    """Polynomials of second degree, orthonormal over the rim, less the level: float32 (places, terms - 1)."""
    terms = np.stack([x**i * y**j for i, j in TERMS], 1).astype(np.float64)
    return np.linalg.qr(terms)[0][:, 1:].astype(np.float32)

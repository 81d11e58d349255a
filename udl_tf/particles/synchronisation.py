"""From transforms of many pairs to one pose for each image: angular synchronisation by the eigenvector method.

No image serves as the reference, so none lends its noise to all. The relative angles fill a Hermitian matrix whose leading
eigenvector holds the angles (Singer, Applied and Computational Harmonic Analysis 30, 2011); with the angles known the shifts
are a linear least-squares problem. Both are repeated with weights from the residuals, so that wrong pairs lose their say.

The power method and the conjugate gradients are a dozen lines each. SciPy's (`eigsh`, `cg`) were tried: angles agree to 4e-8
degrees, but `eigsh` leaves the common turn of all open and does not take two or three images, so that little code would go, a
dependency come, and the last bits of every stack change with its version.
"""

import numpy as np

from pipelines import geometry

ITERATIONS = 200  # of the power method; the gap of a random graph with ten neighbours each makes it converge in a few dozen
ROUNDS = 6  # of reweighting
WIDTH = 5.0  # degrees and pixels: residuals of this size lose half their weight


def random_pairs(count, neighbours, seed):
    """Pairs of a connected random graph on `count` images: a ring through all in random order, and more such rings.

    Returns:
        first, second: int32 (pairs,), each pair once; every image has about `neighbours` pairs.
    """
    random = np.random.default_rng(seed)
    rings = [random.permutation(count) for _ in range(max(1, neighbours // 2))]
    pairs = np.concatenate([np.stack([ring, np.roll(ring, -1)], 1) for ring in rings])
    pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)
    return pairs[:, 0].astype(np.int32), pairs[:, 1].astype(np.int32)


def synchronise(first, second, angle, shift, weight, count, symmetry=1):
    """Poses that agree best with the transforms of pairs.

    Args:
        first, second: (pairs,) indices. angle (pairs,) degrees, shift (pairs, 2) pixels: bring image `second` onto `first`.
        weight: (pairs,) how far each is trusted. count: images.
        symmetry: m if the images look the same after turns by 360 / m degrees; angles then count modulo that.

    Returns:
        angle (count,) degrees and shift (count, 2) pixels that bring each image into one common frame, in which the shifts of
        the poses have the mean 0; agreement (pairs,) in [0, 1], 1 for pairs without a residual.
    """
    period = 360.0 / symmetry
    relative = np.exp(2j * np.pi * angle / period)
    agreement = np.ones(len(angle))
    for _ in range(ROUNDS):
        vector = _leading(first, second, relative, weight * agreement, count)
        poses = np.angle(vector) * (period / (2.0 * np.pi))
        residual = geometry.wrap_degrees(poses[second] - poses[first] - angle, period)
        agreement = 1.0 / (1.0 + np.square(residual / WIDTH))
    if symmetry > 1:
        poses, agreement = _branches(first, second, poses, angle, weight * agreement, period, count)
    moves = _turned(poses[first], shift)  # composing (angle, shift) with the pose of `first` gives that of `second`
    trust = weight * agreement
    still = np.zeros((count, 2))
    for _ in range(ROUNDS):
        still = _least_squares(first, second, moves, trust, count, still)
        residual = np.linalg.norm(still[second] - still[first] - moves, axis=1)
        trust = weight * agreement / (1.0 + np.square(residual / WIDTH))
    return geometry.wrap_degrees(poses), still - still.mean(0), agreement


def _leading(first, second, relative, weight, count):
    """Leading eigenvector (count,) of the normalised matrix with relative[p] at (second, first), by the power method."""
    degree = np.bincount(first, weight, count) + np.bincount(second, weight, count) + 1e-12
    scale = weight / np.sqrt(degree[first] * degree[second])
    entry = relative * scale
    vector = np.sqrt(degree) * np.exp(2j * np.pi * np.random.default_rng(0).random(count))
    for _ in range(ITERATIONS):
        onward = _sums(second, entry * vector[first], count) + _sums(first, entry.conj() * vector[second], count)
        vector = onward + vector  # plus the identity: the largest eigenvalue is then also the largest in size
        vector /= np.linalg.norm(vector)
    return vector


def _branches(first, second, poses, angle, weight, period, count):
    """Of the m equal angles of each image those that agree with most pairs on the full circle."""
    residual = angle - (poses[second] - poses[first])
    turns = np.rint(residual / period) * period
    vector = _leading(first, second, np.exp(1j * np.deg2rad(turns)), weight, count)
    order = np.rint(np.rad2deg(np.angle(vector)) / period) * period
    poses = poses + order
    residual = geometry.wrap_degrees(poses[second] - poses[first] - angle)
    return poses, 1.0 / (1.0 + np.square(residual / WIDTH))


def _least_squares(first, second, moves, weight, count, start):
    """Positions (count, 2) with position[second] - position[first] = moves, by conjugate gradients on the graph's Laplacian."""

    def laplacian(x):
        pull = weight[:, None] * (x[second] - x[first])
        return _scatter(second, pull, count) - _scatter(first, pull, count)

    pull = weight[:, None] * moves
    x = start.copy()
    residual = _scatter(second, pull, count) - _scatter(first, pull, count) - laplacian(x)
    direction, power = residual.copy(), np.square(residual).sum(0)
    for _ in range(ITERATIONS):
        if np.all(power < 1e-12):
            break
        ahead = laplacian(direction)
        step = power / np.maximum((direction * ahead).sum(0), 1e-30)
        x, residual = x + step * direction, residual - step * ahead
        previous, power = power, np.square(residual).sum(0)
        direction = residual + direction * (power / np.maximum(previous, 1e-30))
    return x


def _turned(angle, points):
    return np.asarray(geometry.rotate_points(angle.astype(np.float32), points.astype(np.float32)), np.float64)


def _sums(index, values, count):
    return np.bincount(index, values.real, count) + 1j * np.bincount(index, values.imag, count)


def _scatter(index, values, count):
    return np.stack([np.bincount(index, values[:, axis], count) for axis in (0, 1)], 1)

"""What of a path is jitter, to be taken out, and what is drift, to be kept: one is white from section to section, the other slow.

What pairs of sections say adds up to a path: where the neighbours of each section would have it. Part of it is that sections lie
where chance put them, each by itself (jitter). The rest is the tissue, which runs through the sections at an angle: taken out as
well, what is not straight would be made so (the banana effect). The model, for each axis of the path y::

    y[z] = x[z] + p[z]                              x white, standard deviation s
    p[z+1] - p[z] = RUN (p[z] - p[z-1]) + white     steps of p have the standard deviation t

t comes from the standard errors of the pairs, s from the path itself, where its likelihood is largest; x is then what is to be
expected. Where nothing has moved by itself, s is small, and nothing is moved. A path of many axes tells t as well.
"""

import dataclasses

import numpy as np

RUN = 0.85  # correlation of a step of the tissue with the next one, measured on tissue where nothing was moved
BLOCK = 400  # sections whose likelihood is had at a time: what is further apart tells nothing of s
CANDIDATES = np.geomspace(1e-2, 1e4, 121)  # of s, times t
TINY = 1e-12  # pixels^2, least variance of a step


@dataclasses.dataclass(frozen=True)
class Jitter:
    """What was separated.

    Attributes:
        moved: (n, k), x. kept: (n, k), p. sigma: (n,), standard error of both. size: s. step: t.
    """

    moved: np.ndarray
    kept: np.ndarray
    sigma: np.ndarray
    size: float
    step: float


def separate(path: np.ndarray, step: float | None, known: np.ndarray) -> Jitter:
    """Split a path.

    Args:
        path: (n, k), of k axes that have s and t in common. step: t; None: from the path. known: (n,) bool; others are not moved.
    """
    size, step = _sizes(path, step)
    information = _information(size, step, known)
    kept = np.linalg.solve(information, known[:, None] * path)
    variance = np.maximum(np.linalg.inv(information).diagonal(), 0.0)
    moved = np.where(known[:, None], path - kept, 0.0)
    return Jitter(moved, kept, size * np.sqrt(np.where(known, np.minimum(variance, 1.0), 1.0)), size, step)


def white_part(count: int, size: float, step: float, known: np.ndarray) -> np.ndarray:
    """The matrix (count, count) that takes from a path what `separate` would call moved, were its s `size` and its t `step`."""
    kept = np.linalg.solve(_information(size, step, known), np.diag(known.astype(np.float64)))
    return known[:, None] * (np.diag(known.astype(np.float64)) - kept)


def _information(size, step, known):
    """Precision (n, n) of p, times s^2."""
    rows = _innovations(len(known))
    information = np.diag(known.astype(np.float64)) + (size / step) ** 2 * (rows.T @ rows)
    return information + np.eye(len(known)) * (0.0 if known.any() else 1.0)


def _sizes(path, step):
    """The s, and where `step` is None the t, of the largest likelihood for a path (n, k)."""
    logarithms, powers = np.zeros(len(CANDIDATES)), np.zeros(len(CANDIDATES))
    for part in np.array_split(path, -(-len(path) // BLOCK)):
        rows = _innovations(len(part))
        spread, turn = np.linalg.eigh(rows @ rows.T)
        power = np.square(turn.T @ (rows @ part)).mean(1)
        variance = 1.0 + np.square(CANDIDATES)[:, None] * spread  # (candidates, n - 1), times t^2
        logarithms += np.log(variance).sum(1)
        powers += (power / variance).sum(1)
    if step is not None:
        return step * float(CANDIDATES[int(np.argmin(logarithms + powers / step**2))]), step
    count = len(path) - -(-len(path) // BLOCK)
    steps = np.sqrt(np.maximum(powers / count, TINY))  # the likeliest t for each s / t
    best = int(np.argmin(logarithms + 2 * count * np.log(steps)))
    return float(CANDIDATES[best] * steps[best]), float(steps[best])


def _innovations(count):
    """The matrix (count - 1, count) that makes of a path p what is new in each of its steps, of variance 1 where t is 1."""
    steps = np.diff(np.eye(count), axis=0)
    rows = steps.copy()
    rows[1:] -= RUN * steps[:-1]
    rows[1:] /= np.sqrt(1.0 - RUN**2)
    return rows

"""From transforms of pairs of a series to one pose for each of its pictures: robust least squares, weighted by standard errors.

Angles first, then, with these, shifts: each a linear problem with the same graph (a Laplacian), solved again with weights from
the residuals until wrong pairs have lost their say. Sizes up to a few thousand pictures are meant: matrices are dense.
"""

import dataclasses

import numpy as np

from pipelines.errors import InputError
from pipelines.geometry import frames, wrap_degrees

ROUNDS = 12  # of reweighting
CUT = 3.0  # standard errors: residuals of this size lose half their weight
FLOOR = np.array([2e-4, 2e-3])  # degrees and pixels: no pair is known better
FAINT = 1e-9  # score of pairs that tell nothing, so that each picture hangs together with its neighbours
MOST = 8000  # pictures


@dataclasses.dataclass(frozen=True)
class Poses:
    """Poses that bring each of n pictures into the frame of one of them.

    Attributes:
        angle: (n,) degrees. shift: (n, 2) pixels. angle_sigma (n,), shift_sigma (n, 2): their standard errors, 0 for the anchor.
        residual: (pairs,) pixels, of the shifts. agreement: (pairs,) in [0, 1], how much say a pair kept.
    """

    angle: np.ndarray
    shift: np.ndarray
    angle_sigma: np.ndarray
    shift_sigma: np.ndarray
    residual: np.ndarray
    agreement: np.ndarray


def synchronise(first, second, angle, shift, sigma, score, count: int, anchor: int | None = 0) -> Poses:
    """Poses that agree best with the transforms of pairs.

    Args:
        first, second: integers (pairs,). angle: (pairs,) degrees, shift: (pairs, 2) pixels; they bring `second` onto `first`.
        sigma: (pairs, 2), standard errors of the angle in degrees and of the shift along an axis in pixels; infinite: tells
        nothing. score: (pairs,) in [0, 1]. count: pictures.
        anchor: the picture that stays where it is; None: all together stay, their mean angle and shift are 0.

    Raises:
        InputError: more pictures than `MOST`, or some that no pair leads to.
    """
    if count > MOST:
        raise InputError(f"a series of {count} pictures: expected at most {MOST}")
    first, second = np.asarray(first, np.int64), np.asarray(second, np.int64)
    angle, shift = np.asarray(angle, np.float64), np.asarray(shift, np.float64)
    known = np.isfinite(sigma).all(1)
    sigma = np.hypot(np.where(known[:, None], sigma, 1.0), FLOOR)
    trust = np.where(known, np.square(score), 0.0) + FAINT
    root = 0 if anchor is None else anchor
    start = _along_a_tree(first, second, angle, trust / sigma[:, 0], count, root)
    turns, angle_weight = _fitted(first, second, angle[:, None], trust, sigma[:, 0], start[:, None], root, wrap_degrees)
    turns = turns[:, 0]
    moves = frames.turned(turns[first], shift)  # composing a pair's transform with the pose of `first` gives that of `second`
    places, shift_weight = _fitted(first, second, moves, trust, sigma[:, 1], np.zeros((count, 2)), root, lambda away: away)
    angle_sigma, shift_sigma = (np.sqrt(_variances(first, second, w, count, root)) for w in (angle_weight, shift_weight))
    residual = np.linalg.norm(places[second] - places[first] - moves, axis=1)
    if anchor is None:
        mean = turns.mean()
        turns, places = turns - mean, frames.turned(-np.full(count, mean), places)
        places = places - places.mean(0)
    agreement = shift_weight * np.square(sigma[:, 1]) / trust
    return Poses(wrap_degrees(turns), places, angle_sigma, np.stack([shift_sigma] * 2, 1), residual, agreement)


def _fitted(first, second, moves, trust, sigma, start, root, wrapped):
    """Values (count, k) with value[second] - value[first] near moves (pairs, k), and the weights of the pairs at the end."""
    values = start
    agreement = 1.0
    for _ in range(ROUNDS):
        weight = trust * agreement / np.square(sigma)
        away = wrapped(moves - (values[second] - values[first]))
        values = values + _solved(first, second, away, weight, len(values), root)
        residual = np.linalg.norm(wrapped(moves - (values[second] - values[first])), axis=1) / sigma
        agreement = 1.0 / (1.0 + np.square(residual / CUT))
    return values, weight


def _laplacian(first, second, weight, count, root):
    """The matrix of the problem, with `root` held."""
    matrix = np.zeros((count, count))
    np.add.at(matrix, (first, first), weight)
    np.add.at(matrix, (second, second), weight)
    np.add.at(matrix, (first, second), -weight)
    np.add.at(matrix, (second, first), -weight)
    matrix[root], matrix[:, root] = 0.0, 0.0
    matrix[root, root] = matrix.diagonal().max()
    return matrix


def _solved(first, second, moves, weight, count, root):
    right = np.zeros((count, moves.shape[1]))
    np.add.at(right, second, weight[:, None] * moves)
    np.add.at(right, first, -weight[:, None] * moves)
    right[root] = 0.0
    return np.linalg.solve(_laplacian(first, second, weight, count, root), right)


def _variances(first, second, weight, count, root):
    """Variances (count,) of the values against that of `root`, each pair's error counted once."""
    found = np.linalg.inv(_laplacian(first, second, weight, count, root)).diagonal().copy()
    found[root] = 0.0
    return np.maximum(found, 0.0)


def _along_a_tree(first, second, angle, strength, count, root):
    """Angles (count,) along the strongest pairs from `root`, so that what follows only has small residuals to wrap."""
    order = np.argsort(-strength, kind="stable")
    group, angles = np.arange(count), np.zeros(count)
    for pair in order:
        a, b = first[pair], second[pair]
        if group[a] != group[b]:
            members = group == group[b]
            angles[members] += angles[a] + angle[pair] - angles[b]
            group[members] = group[a]
    if (group != group[0]).any():
        raise InputError(f"picture {int(np.argmax(group != group[0])) + 1} of the series has no pair with the others")
    return angles - angles[root]

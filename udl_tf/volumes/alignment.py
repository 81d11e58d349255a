"""A volume of sections aligned as a whole: pairs, a robust graph of poses, and a prior that keeps slow drift where it is."""

import dataclasses
from collections.abc import Callable

import numpy as np

from pipelines.errors import InputError, NoAnswerError
from pipelines.geometry import frames, wrap_degrees
from udl_tf.chunks.store import ChunkStore
from udl_tf.registration.synchronisation import FLOOR, synchronise
from udl_tf.volumes.drift import separate
from udl_tf.volumes.section_pairs import SectionPairs, compare_sections

# A step of the tissue in standard errors of a pair, turns and shifts: small parts of a section contradict each other by what they
# do not have in common, and the tissue as a whole runs further than that. Measured where nothing was moved.
TISSUE = np.array([2.0, 4.0])
SURE = 0.5  # a section none of whose pairs has this score, agreeing with the others, could not be placed


@dataclasses.dataclass(frozen=True)
class SectionPoses:
    """What brings n sections to where they belong.

    Attributes:
        angle: (n,) degrees counter-clockwise. shift: (n, 2) pixels right and down, after it; see `pipelines.geometry.frames`.
        angle_sigma: (n,), shift_sigma: (n, 2), standard errors: of what is jitter and what is drift, mostly.
        score: (n,) in [0, 1], the best of each section's pairs, less where they contradict the others.
        correlation: (n,) with the section before it, aligned; the first one's is that of the second.
        drift: (n, 2) pixels, of the path that was kept. jitter: (degrees, pixels along an axis), standard deviations.
        tissue: (degrees, pixels along an axis), by which it is taken to run from a section to the next, standard deviations.
        failed: numbers from 0 of the sections that could not be placed; they stay where they were.
    """

    angle: np.ndarray
    shift: np.ndarray
    angle_sigma: np.ndarray
    shift_sigma: np.ndarray
    score: np.ndarray
    correlation: np.ndarray
    drift: np.ndarray
    jitter: tuple[float, float]
    tissue: tuple[float, float]
    failed: np.ndarray


def align_sections(
    aligner: Callable,
    read: Callable[[int], np.ndarray],
    count: int,
    keep_trend: float | None = None,
    tell: Callable[[int, int], None] = lambda done, of: None,
    store: ChunkStore | None = None,
    executor=None,
) -> SectionPoses:
    """Poses that take the jitter out of a volume.

    Args:
        aligner, read, count, tell, store, executor: see `section_pairs.compare_sections`.
        keep_trend: pixels by which the tissue itself runs from a section to the next one, along an axis, root mean square:
            the larger, the more is kept. None: from the standard errors of the pairs.

    Raises:
        InputError: fewer than two sections, or no two that have anything in common.
    """
    if count < 2:
        raise InputError(f"a volume of {count} sections: expected two or more")
    pairs = compare_sections(aligner, read, count, tell, store, executor)
    return poses_of(pairs, count, keep_trend)


def poses_of(pairs: SectionPairs, count: int, keep_trend: float | None = None) -> SectionPoses:
    """`align_sections` from pairs that were compared already."""
    found = pairs.registration
    sigma = np.stack([found.angle_sigma, np.sqrt(np.square(found.shift_sigma).mean(1))], 1)
    sure = (found.score >= SURE) & np.isfinite(sigma).all(1)
    if not sure.any():
        raise NoAnswerError("no two neighbouring sections have anything in common: is this a volume of sections in order?")
    poses = synchronise(pairs.first, pairs.second, found.angle, found.shift, sigma, found.score, count, None)
    say, score, correlation = found.score * poses.agreement, np.zeros(count), np.zeros(count)
    for side in (pairs.first, pairs.second):
        np.maximum.at(score, side, say)
    near = pairs.second - pairs.first == 1
    correlation[pairs.second[near]] = found.correlation[near]
    correlation[0] = correlation[1]
    known = score >= SURE
    turn_step, step = np.maximum(TISSUE * np.median(sigma[sure & near] if (sure & near).any() else sigma[sure], axis=0), FLOOR)
    if keep_trend is not None:
        turn_step, step = turn_step * (keep_trend / step), keep_trend
    turns = separate(np.unwrap(poses.angle, period=360.0)[:, None], turn_step, known)
    moves = separate(poses.shift, step, known)
    kept = turns.kept[:, 0], moves.kept
    angle, shift = frames.compose((poses.angle, poses.shift), frames.inverse(*kept))
    return SectionPoses(
        angle=np.where(known, wrap_degrees(angle), 0.0),
        shift=np.where(known[:, None], shift, 0.0),
        angle_sigma=turns.sigma,
        shift_sigma=np.stack([moves.sigma] * 2, 1),
        score=score,
        correlation=correlation,
        drift=moves.kept,
        jitter=(turns.size, moves.size),
        tissue=(turns.step, moves.step),
        failed=np.flatnonzero(~known),
    )

"""Pictures brought onto one another by any method of `udl_tf.rivals` that needs no training, from where the aligner puts them."""

import dataclasses

import cv2
import numpy as np

from pipelines.errors import InputError
from pipelines.geometry import displacement
from pipelines.geometry.transforms import Displacement, Rigid, Transform, compose
from udl_tf.registration.pairs import register_pair
from udl_tf.registration.placing import placed, visible
from udl_tf.registration.pyramid import Pyramid
from udl_tf.registration.result import Registration
from udl_tf.rivals import registry
from udl_tf.rivals.problem import Problem

POINTS = 64  # along each axis, that there and back are compared at
LIGHT = 1.0  # pixels, standard deviation of the blur before pictures are compared
LEAST = 0.05  # of the frame, that both show: with less nothing is said of their likeness


@dataclasses.dataclass(frozen=True)
class Found:
    """What a method says of one pair.

    Attributes:
        transform: of one row, brings moving onto fixed; points from each frame's centre.
        start: the aligner's rigid transform that the method went on from, or None.
        correlation: of both pictures after a light blur, where both show something. correlation_before: the same at the start.
        disagreement: (median, 95th percentile), pixels: how far a point is from where it was after the way there by this
            answer, and back by the method's answer for the exchanged pair. No standard error: what both get wrong is not seen.
            NaN where it moves nothing either way: then it has given up, or there is nothing to move.
        folded: share of the fixed frame where the transform folds. largest: pixels, the largest displacement from the start.
        fixed, moving: (height, width) of the frames.
    """

    transform: Transform
    start: Registration | None
    correlation: float
    correlation_before: float
    disagreement: tuple[float, float]
    folded: float
    largest: float
    fixed: tuple[int, int]
    moving: tuple[int, int]


def register_by(method: str, kind: str, fixed: np.ndarray, moving: np.ndarray, aligner=None, weights=None) -> Found:
    """Register two pictures by a method.

    Args:
        method: a name of ``registry.ready``. kind: of transform, a key of ``registry.PROBLEMS``.
        fixed, moving: real (height, width).
        aligner: `udl_tf.alignment.aligner.Aligner` that puts moving onto fixed first; None: begin where they are, centre on
            centre.

    Raises:
        InputError: a method that is not known for this kind, or lacks its package; arrays that are no pictures; of rigid
            methods, pictures that are not square and of one size.
    """
    rival = registry.with_weights(registry.find(registry.PROBLEMS[kind], [method]), weights)[method]
    sizes = Pyramid(fixed, "fixed").size, Pyramid(moving, "moving").size
    if kind == "rigid" and len({*sizes[0], *sizes[1]}) > 1:
        shown = " and ".join(f"{width}x{height}" for height, width in sizes)
        raise InputError(f"--method {method}: received pictures of {shown} pixels, expected two square ones of one size")
    start = None if aligner is None or kind == "rigid" else register_pair(aligner, fixed, moving)
    first = Rigid(np.zeros(1), np.zeros((1, 2))) if start is None else Rigid(start.angle, start.shift)
    problem, answer = Problem(registry.PROBLEMS[kind], min(sizes[0])), rival.function(registry.PROBLEMS[kind])
    still, near = _standardised(fixed), _standardised(placed(moving, first, sizes[0]))
    seen = visible(first, *sizes)
    if kind == "displacement":
        near = np.where(seen, near, still)  # where nothing is known nothing shall pull
    known, all_known = seen[None], np.ones((1, *sizes[0]), bool)
    found = answer(problem, {"fixed": still[None], "moving": near[None], "known": known})
    back = answer(problem, {"fixed": near[None], "moving": still[None], "known": all_known})
    total = compose(first, found, 1.0)
    seen_after = visible(total, *sizes)
    return Found(
        transform=total,
        start=start,
        correlation=_likeness(still, _standardised(placed(moving, total, sizes[0])), seen_after),
        correlation_before=_likeness(still, near, seen),
        disagreement=disagreement(found, back, sizes[0]),
        folded=folded(found, sizes[0]),
        largest=largest(found, sizes[0]),
        fixed=sizes[0],
        moving=sizes[1],
    )


def disagreement(there: Transform, back: Transform, size: tuple[int, int]) -> tuple[float, float]:
    """(median, 95th percentile) of how far from its start a point ends, pixels, over a frame of `size`."""
    if largest(there, size) == largest(back, size) == 0.0:
        return (float("nan"),) * 2
    points = _spread(size)
    away = np.linalg.norm(back.pull(there.pull(points))[0] - points, axis=-1)
    return tuple(float(value) for value in np.percentile(away, (50, 95)))


def folded(transform: Transform, size: tuple[int, int]) -> float:
    """Share of the cells between the pixels of a frame in which a transform folds."""
    field = Displacement.of(transform, *size).field
    return float(np.mean(displacement.least_determinant(field, 1.0).numpy() <= 0.0))


def largest(transform: Transform, size: tuple[int, int]) -> float:
    """The largest displacement over a frame, pixels."""
    points = _spread(size)
    return float(np.linalg.norm(transform.pull(points)[0] - points, axis=-1).max())


def _spread(size):
    """Points (m, 2) evenly over a frame of (height, width), its corners among them."""
    y, x = (np.linspace(-(side - 1) / 2, (side - 1) / 2, min(side, POINTS)) for side in size)
    return np.stack(np.meshgrid(x, y), -1).reshape(-1, 2).astype(np.float32)


def _standardised(picture):
    """A picture as float32 of mean 0 and standard deviation 1: methods that compare squares shall not see exposure."""
    picture = np.asarray(picture, np.float64)
    return np.float32((picture - picture.mean()) / max(picture.std(), 1e-12))


def _likeness(fixed, moved, seen):
    if seen.mean() < LEAST:
        return float("nan")
    return float(np.corrcoef(*(cv2.GaussianBlur(picture, (0, 0), LIGHT)[seen] for picture in (fixed, moved)))[0, 1])

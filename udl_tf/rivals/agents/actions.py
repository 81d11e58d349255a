"""The six steps of a rigid agent, and what each is worth: closed forms in the pose, no image and no walk is needed.

A pose is (angle (n,) degrees, shift (n, 2) pixels), the transform that the moving image is shown under; an action comes after it.
What is left of a pair shown so is the *rest*, ``truth after pose^-1``. Its distance counts a degree as much as a pixel.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from pipelines import geometry

ANGLES = np.float32([0.0, 0.0, 0.0, 0.0, 1.0, -1.0])  # of each action, in steps
SHIFTS = np.float32([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [0.0, 0.0], [0.0, 0.0]])
COUNT = len(ANGLES)
ANGLE, SHIFT = 30.0, 10.0 / 64.0  # how far a pair may be off when the agent begins: degrees, and of the side along each axis


@dataclasses.dataclass(frozen=True)
class Level:
    """One of an agent's views.

    Attributes:
        step: degrees and pixels. angle, shift: how large the rest may be, degrees and of the side along each axis.
        reduced: by how much the images are made smaller. reach: nodes that a network compares over, see `network`.
    """

    step: float
    angle: float
    shift: float
    reduced: int
    reach: int


LEVELS = {"coarse": Level(1.0, ANGLE, SHIFT, 2, 3), "fine": Level(0.25, 3.0, 3.0 / 64.0, 1, 0)}


def taken(pose, chosen, step):
    """The pose after an action, index (n,) each, of size `step`."""
    return geometry.compose(pose, (step * tf.gather(ANGLES, chosen), step * tf.gather(SHIFTS, chosen)))


def stepped(state, chosen, step):
    """As `taken`, of poses as rows (angle, dx, dy), NumPy (n, 3)."""
    angle, shift = taken((state[:, 0], state[:, 1:]), chosen, step)
    return np.concatenate([np.asarray(angle)[:, None], shift], 1)


def distance(angle, shift):
    """How far (angle (...), shift (..., 2)) is from nothing, (...)."""
    return tf.sqrt(angle**2 + tf.reduce_sum(shift**2, -1))


def values(rest, step):
    """By how much each action lowers the distance of the rest, in steps: (n, 6), at most 1.

    Args:
        rest: (angle (n,), shift (n, 2)) that would bring what is shown onto the fixed image.
    """
    undone = geometry.inverse(step * ANGLES, step * SHIFTS)
    after = geometry.compose(undone, (rest[0][:, None], rest[1][:, None]))  # of each action, (n, 6)
    return (distance(*rest)[:, None] - distance(*after)) / step


def pose_with(rest, truth):
    """The pose of pairs of a known truth of which just `rest` is left; all (angle (n,), shift (n, 2))."""
    return geometry.compose(truth, geometry.inverse(*rest))

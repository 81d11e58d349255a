"""How close poses of angle and shift are, and how many steps a method took to them."""

import numpy as np

from pipelines.geometry import angular_distance

NEAR = 1.0  # degrees and pixels: a pair is solved


def measures(case, found):
    """What is told of an answer besides its error of the angle.

    Args:
        case: `cases.Case`, its truth a dict of ``angle`` and ``shift``. found: `Rigid`, or with it as ``transform`` ``steps``.

    Returns:
        dict of ``shift``, mean error in pixels; ``solved``, percent of the pairs within `NEAR`; ``walked``, mean number of steps,
        None of a method that does not count any.
    """
    transform, steps = getattr(found, "transform", found), getattr(found, "steps", None)
    shift = np.linalg.norm(transform.shift - case.truth["shift"], axis=-1)
    turn = angular_distance(transform.angle, case.truth["angle"])
    return {
        "shift": float(shift.mean()),
        "solved": 100.0 * float(((turn < NEAR) & (shift < NEAR)).mean()),
        "walked": None if steps is None else float(np.mean(steps)),
    }

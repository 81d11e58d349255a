"""How many matches are right, and what follows from them."""

import numpy as np

from pipelines.geometry import angular_distance
from pipelines.geometry.transforms import Rigid

NEAR = 3.0  # pixels from its true place: a match is right


def measures(case, found):
    """What is told of an answer besides its error of the angle.

    Args:
        case: `cases.Case`, its truth a dict of ``angle`` and ``shift``. found: `rivals.consensus.Matched`.

    Returns:
        dict of ``correct``, percent of a pair's matches that are right, mean over all pairs (none where there is none);
        ``matches`` of a pair; ``shift``, mean error in pixels; ``solved``, percent of the pairs within 3 degrees and 3 pixels.
    """
    middle, truth = (case.problem.side - 1) / 2.0, Rigid(case.truth["angle"], case.truth["shift"])
    right = []
    for row, (fixed, moving) in enumerate(zip(found.fixed, found.moving, strict=True)):
        away = np.linalg.norm(truth[row].apply(np.float32(moving) - middle)[0] - (fixed - middle), axis=-1)
        right.append(float((away < NEAR).mean()) if len(away) else 0.0)
    shift = np.linalg.norm(found.transform.shift - case.truth["shift"], axis=-1)
    turn = angular_distance(found.transform.angle, case.truth["angle"])
    return {
        "correct": 100.0 * float(np.mean(right)),
        "matches": float(np.mean([len(part) for part in found.fixed])),
        "shift": float(shift.mean()),
        "solved": 100.0 * float(((turn < 3.0) & (shift < 3.0)).mean()),
    }

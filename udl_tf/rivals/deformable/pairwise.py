"""What classical methods need that bend one pair after another."""

import numpy as np

from pipelines.geometry.transforms import Displacement


def each(align_pair, inputs):
    """Align pairs one by one: ``align_pair(fixed, moving)`` gives a pulled field (side, side, 2), pixels (dx, dy).

    Returns:
        `Displacement` at every pixel; nothing moves where a field is not a number.
    """
    found = [align_pair(fixed, moving) for fixed, moving in zip(inputs["fixed"], inputs["moving"], strict=True)]
    return Displacement(np.nan_to_num(np.stack(found).astype(np.float32), posinf=0.0, neginf=0.0))

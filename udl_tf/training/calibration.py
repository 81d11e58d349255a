"""The constant C that UDL leaves in a network's angle (paper section 3.1), found without ground truth.

The paper takes C from one pair of known angle. No truth is needed: a pair of an image and its own disturbed copy has an
angle that we chose ourselves, and C is the circular mean of the output minus that angle.
"""

import collections

import numpy as np

from pipelines import geometry
from pipelines.errors import InputError

BATCHES = 4  # of a run's own pairs that it is calibrated on

Calibration = collections.namedtuple("Calibration", "bias_deg spread_deg count")


def calibrate(angles, batches, disturb, period, seed=0):
    """Measure the constant C of a network on self-pairs.

    Args:
        angles: callable, dict of `fixed` and `moving` (batch, side, side) -> (batch,) degrees, such as
            `DisturbedPairModel.angles`.
        batches: iterable of images (batch, side, side).
        disturb: `pipelines.pairs.disturb.Disturb`.
        period: of the angle in degrees.
        seed: of the disturbances.

    Returns:
        `Calibration`: `bias_deg`, C in [-period/2, period/2], to be subtracted from the output; `spread_deg`, the
        circular standard deviation of output minus chosen angle (where it is large, the network does not know the
        angle and C means nothing); `count`, the number of self-pairs.

    Raises:
        InputError: there are no images.
    """
    total, count = np.zeros(2), 0
    for number, images in enumerate(batches):
        copies, (angle, _) = disturb.image(images, (seed, number))
        # The copy is the fixed image of one pair and the moving one of the other: +angle and -angle.
        forward = angles({"fixed": copies, "moving": images}) - angle
        backward = angles({"fixed": images, "moving": copies}) + angle
        for difference in (forward, backward):
            total += geometry.direction_of(difference, period).numpy().astype(np.float64).sum(0)
            count += difference.shape[0]
    if not count:
        raise InputError("calibration: received no images, expected at least one batch")
    bias = np.degrees(np.arctan2(total[1], total[0])) * period / 360.0
    length = min(1.0, np.hypot(*total) / count)
    spread = np.degrees(np.sqrt(-2.0 * np.log(max(length, 1e-12)))) * period / 360.0
    return Calibration(float(bias), float(spread), count)

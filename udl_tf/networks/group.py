"""The group correlation network: low frequencies -> correlation over rotations and shifts -> direction.

The paper matches features at all pairs of places (section 3.3); here the match runs over the group of rigid transforms itself,
so the full circle and the shift come out at once, and phases count. What is learned is how much each frequency says.
"""

import dataclasses

from pipelines.errors import InputError
from udl_tf.networks.entry import Network
from udl_tf.networks.search_space import Choice, Real, Space

HIGHEST = 20  # cycles per box, of the planes that the network shares with refinement; a band goes no further


@dataclasses.dataclass(frozen=True)
class GroupConfig:
    """Sizes of the network. Frequencies in cycles per box.

    Attributes:
        angles: rotations over 360 degrees; even. band: highest frequency of the correlation.
        spacing: of the shifts, as a share of the box. reach: largest shift along each axis, likewise.
        radius: of the window, as a share of half the box.
        sharpness: initial beta of the softmax over angles.
    """

    angles: int = 90
    band: int = 10
    spacing: float = 1.0 / 32.0
    reach: float = 0.25
    radius: float = 0.94
    sharpness: float = 40.0


def group(config, box):
    """Build the network. It has a dozen weights, is exact under rotation, and its angles have the period 360 degrees.

    Args:
        config: `GroupConfig`. box: image side in pixels.

    Returns:
        Functional model. Inputs ``fixed``, ``moving`` (batch, box, box); outputs ``direction`` (batch, 2), cosine and sine of
        the angle that turns `moving` onto `fixed`; ``correlation`` (batch, angles) over 360 degrees, each at its best
        shift; ``shift`` (batch, angles, 2), that shift in pixels. Its layers ``plane`` (images to planes) and
        ``correlation`` (two planes to correlation and shift) can be called alone.
    """
    if box < 2 * HIGHEST + 2 or config.band > HIGHEST:
        raise InputError(
            f"box of {box} pixels, band of {config.band}: expected a box of at least {2 * HIGHEST + 2}, a band up to {HIGHEST}"
        )
    import tensorflow as tf

    from udl_tf.networks.angular import MeanDirection
    from udl_tf.networks.group_correlation import GroupCorrelation, SpectralPlane
    from udl_tf.networks.window import SoftDisc

    fixed = tf.keras.Input((box, box), name="fixed")
    moving = tf.keras.Input((box, box), name="moving")
    mask = SoftDisc(config.radius, trainable=False, name="mask")
    plane = SpectralPlane(HIGHEST, name="plane")
    correlate = GroupCorrelation(config.angles, config.band, HIGHEST, box, config.spacing, config.reach, name="correlation")
    correlation, shift = correlate([plane(mask(fixed)), plane(mask(moving))])
    direction = MeanDirection(config.sharpness, name="direction")(correlation)
    outputs = {"direction": direction, "correlation": correlation, "shift": shift}
    return tf.keras.Model({"fixed": fixed, "moving": moving}, outputs, name="group")


SPACE = Space(
    (
        Choice("group_angles", (60, 72, 90), field="angles"),
        Choice("band", (6, 8, 10, 12, 14, 16)),
        Choice("spacing", (1.0 / 32.0, 1.0 / 24.0, 1.0 / 16.0)),
        Real("group_radius", 0.5, 1.0, field="radius"),
        Real("group_sharpness", 10.0, 80.0, field="sharpness", log=True),
    )
)
NETWORK = Network(
    config=GroupConfig,
    build=lambda config, box, period, precision: group(config, box),
    period=lambda config: 360.0,
    proposes="poses",
    task="pair",
    space=SPACE,
    family="correlation",
)

"""The polar correlation network: window -> polar amplitude spectrum -> correlation over angles -> direction."""

import dataclasses

from udl_tf.networks.entry import Network
from udl_tf.networks.search_space import Choice, Real, Space, Switch, Whole


@dataclasses.dataclass(frozen=True)
class PolarConfig:
    """Sizes of the network. Rings are counted in spectrum pixels of 1/pad cycles per pixel.

    Attributes:
        pad: size the images are zero-padded to, pixels.
        first_ring, last_ring: rings used; the last one is left out.
        angles: samples over 180 degrees. harmonics: angular Fourier coefficients kept.
        transform: of the amplitude: ``root``, ``log`` or ``none``.
        radius: of the window, as a share of half the box. learn_mask: whether training may change the window.
        sharpness: initial beta of the softmax over angles.
    """

    pad: int = 256
    first_ring: int = 2
    last_ring: int = 42
    angles: int = 256
    harmonics: int = 90
    transform: str = "root"
    radius: float = 0.94
    learn_mask: bool = False
    sharpness: float = 20.0


def polar(config, box):
    """Build the network. It has a few dozen weights, is exact under rotation, and its angles have the period 180 degrees.

    Args:
        config: `PolarConfig`. box: image side in pixels.

    Returns:
        Functional model. Inputs ``fixed``, ``moving`` (batch, box, box); outputs ``direction`` (batch, 2), cosine and sine of
        twice the angle that turns `moving` onto `fixed`, and ``correlation`` (batch, angles) over 180 degrees.
    """
    import tensorflow as tf

    from udl_tf.networks.angular import AngularCorrelation, MeanDirection, PolarHarmonics
    from udl_tf.networks.window import SoftDisc

    fixed = tf.keras.Input((box, box), name="fixed")
    moving = tf.keras.Input((box, box), name="moving")
    mask = SoftDisc(config.radius, trainable=config.learn_mask, name="mask")
    features = PolarHarmonics(
        config.first_ring,
        config.last_ring,
        config.angles,
        config.pad,
        config.harmonics,
        config.transform,
        name="features",
    )
    seen = [features(mask(fixed)), features(mask(moving))]  # (batch, rings, 2 harmonics)
    correlation = AngularCorrelation(config.angles, name="correlation")(seen)
    direction = MeanDirection(config.sharpness, name="direction")(correlation)
    outputs = {"direction": direction, "correlation": correlation}
    return tf.keras.Model({"fixed": fixed, "moving": moving}, outputs, name="polar")


def searched(own, values, box):
    """The configuration of a search's values; its rings, counted at the padding of `own`, stay the same frequencies."""
    pad, angles = values["pad"], values["angles"]
    first = max(1, round(values["first_ring"] * pad / own.pad))
    last = max(first + 1, round(values["last_ring"] * pad / own.pad))
    harmonics = min(own.harmonics, angles // 2)
    return dataclasses.replace(own, **{**values, "first_ring": first, "last_ring": last, "harmonics": harmonics})


SPACE = Space(
    (
        Choice("pad", (128, 192, 256)),
        Choice("polar_angles", (128, 192, 256), field="angles"),
        Whole("first_ring", 1, 8),
        Whole("last_ring", 20, 72),
        Choice("transform", ("root", "log", "none")),
        Real("polar_radius", 0.5, 1.0, field="radius"),
        Switch("learn_mask"),
        Real("polar_sharpness", 10.0, 80.0, field="sharpness", log=True),
    ),
    searched,
)
NETWORK = Network(
    config=PolarConfig,
    build=lambda config, box, period, precision: polar(config, box),
    period=lambda config: 180.0,
    proposes="angles",
    task="pair",
    space=SPACE,
    family="correlation",
    materials=("particles",),  # pictures have no half turn to fold
)

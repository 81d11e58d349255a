"""The paper's network (section 3.3, figure 2): mask -> features -> matching both ways -> regression of the angle."""

import contextlib
import dataclasses

from pipelines.errors import InputError
from udl_tf.networks.entry import Network
from udl_tf.networks.search_space import Choice, Space, Switch

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
HEADS = ("angle", "direction")
SPECTRUM_SHARE = 4  # the centre of the spectrum that a search lets the network see: the box divided by this


@dataclasses.dataclass(frozen=True)
class SiameseConfig:
    """Sizes of the network; the defaults are the paper's.

    Attributes:
        head: ``angle`` (the paper's scalar, degrees) or ``direction`` (cos, sin of 360 / period times the angle).
        mask_widths, feature_widths, match_widths, dense_widths: channels of the four parts.
        squeeze: inner width of a residual block is its width divided by this.
        spectrum_crop: 0 to see the image itself, or the side of the centre of its amplitude spectrum that is seen instead.
        spectrum_pad: size the image is zero-padded to for that spectrum, pixels; 0 for no padding.
        spectrum_radius: of the soft disc that windows the image before, as a share of half the box.
    """

    head: str = "angle"
    mask_widths: tuple = (4, 8, 16, 32, 1)
    feature_widths: tuple = (32, 64, 128, 256)
    match_widths: tuple = (128, 256)
    dense_widths: tuple = (2000, 2000)
    squeeze: int = 4
    spectrum_crop: int = 0
    spectrum_pad: int = 0
    spectrum_radius: float = 0.9


def siamese(config, box=128, period=360.0, front=None, precision="float32"):
    """Build the network.

    Args:
        config: `SiameseConfig`. box: side of the input images in pixels.
        period: of the angle in degrees: 360 for images, 180 for amplitude spectra.
        front: None, or a Keras layer (batch, box, box) -> (batch, size, size) that turns both images into what the
            network sees, such as `spectrum_input.SpectrumInput`.
        precision: ``float32``, ``mixed_bfloat16`` or ``mixed_float16``: in what the convolutions of features and of matches
            compute. Weights, spectra, mask, matching, fully connected layers and outputs stay float32.

    Returns:
        A functional model. Inputs: dict of `fixed` and `moving`, float32 (batch, box, box). Output: dict of ``angle``
        (batch,) degrees or ``direction`` (batch, 2), by `config.head`: up to a constant C, the angle that turns
        `moving` onto `fixed`.

    Raises:
        InputError: unknown head or precision, or a side that the features' poolings do not divide.
    """
    if precision not in PRECISIONS:
        raise InputError(f"precision: received {precision!r}, expected one of {', '.join(PRECISIONS)}")
    if config.head not in HEADS:
        raise InputError(f"siamese head: received {config.head!r}, expected one of {', '.join(HEADS)}")
    import tensorflow as tf

    from udl_tf.networks.features import features
    from udl_tf.networks.mask import mask
    from udl_tf.networks.matching import Matching, match_encoder
    from udl_tf.networks.regression import AngleHead, DirectionHead, dense_layers
    from udl_tf.networks.spectrum_input import SpectrumInput

    fixed = tf.keras.Input((box, box), name="fixed")
    moving = tf.keras.Input((box, box), name="moving")
    if front is None and config.spectrum_crop:
        front = SpectrumInput(config.spectrum_crop, config.spectrum_pad or None, config.spectrum_radius, name="spectrum")
    seen = [fixed, moving] if front is None else [front(fixed), front(moving)]
    size = seen[0].shape[1]
    divisor = 2 ** len(config.feature_widths)
    if size % divisor:
        raise InputError(f"siamese input of {size} px: {len(config.feature_widths)} poolings expect a multiple of {divisor}")

    channel = tf.keras.layers.Reshape((size, size, 1))
    predict_mask = mask((size, size, 1), config.mask_widths)
    with _computing_in(precision):
        extract = features((size, size, 1), config.feature_widths, config.squeeze)
    seen = [channel(image) for image in seen]  # (batch, size, size, 1)
    masked = [tf.keras.layers.Multiply()([predict_mask(image), image]) for image in seen]
    there, back = Matching(name="matching")([extract(image) for image in masked])  # (batch, h, w, h w)

    with _computing_in(precision):
        encode = match_encoder(there.shape[1:], config.match_widths)
    flat = [tf.keras.layers.Flatten()(encode(correlation)) for correlation in (there, back)]
    joined = tf.keras.layers.Concatenate()(flat)
    outputs = 1 if config.head == "angle" else 2
    head = AngleHead(period, name="angle") if config.head == "angle" else DirectionHead(name="direction")
    result = head(dense_layers(joined.shape[1], config.dense_widths, outputs)(joined))
    return tf.keras.Model({"fixed": fixed, "moving": moving}, {config.head: result}, name="siamese")


@contextlib.contextmanager
def _computing_in(precision):
    """Layers made inside compute in this precision; they cast what comes in, and the layers after them cast it back."""
    if precision == "float32":  # whatever the user has set stays as it is
        yield
        return
    import tensorflow as tf

    before = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy(precision)
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(before)


def searched(own, values, box):
    """The configuration of a search's values: ``width`` times the channels, and the spectrum or the image itself."""
    seen = {}
    if "spectrum" in values:
        seen["spectrum_crop"] = (own.spectrum_crop or box // SPECTRUM_SHARE) if values["spectrum"] else 0
    return dataclasses.replace(
        own,
        head=values["head"],
        feature_widths=tuple(max(1, round(values["width"] * n)) for n in own.feature_widths),
        match_widths=tuple(max(1, round(values["width"] * n)) for n in own.match_widths),
        **seen,
    )


SPACE = Space(
    (
        Choice("width", (0.5, 1.0, 2.0), start=lambda own: 1.0),  # times the starting configuration's channels
        Choice("head", HEADS),
        Switch("spectrum", start=lambda own: own.spectrum_crop > 0, materials=("particles",)),
    ),
    searched,
)
NETWORK = Network(
    config=SiameseConfig,
    build=lambda config, box, period, precision: siamese(config, box, period, precision=precision),
    period=lambda config: 180.0 if config.spectrum_crop else 360.0,  # without the spectrum it sees the image, and the full circle
    proposes="angles",
    task="pair",
    space=SPACE,
    family="regression",
    precisions=PRECISIONS,
)

"""The section between others (section 3): each slice through 2D modules, one convolution that fuses them, 2D modules.

::

    slices ── fold ── modules ── join ── fuse ── modules ── section
       one 2D network for all of them    a 3D convolution over all of them, so that one is left

Faithful are two slices as they are, fifty maps, batch norm, two modules before and three after; filters of side 3 are our choice,
the source's text has lost them. Other values are ours: more slices, two of them brought half-way along the flow between them; the
output told as a difference from what needs no network; and blocks of pixels as channels, which see further in less time.
"""

import dataclasses

from pipelines.errors import InputError
from udl_tf.networks.entry import Network
from udl_tf.networks.search_space import Choice, Space, Switch, Whole
from udl_tf.networks.sections.adversary import Adversary

FRONTS = {"none": 2, "flow": 2, "wide": 6}  # and how many slices they give, see `udl_tf.volumes.slices`
RESIDUALS = ("none", "mean", "linear")
LINEAR = 7  # pixels, side of the filters of a linear prediction


@dataclasses.dataclass(frozen=True, kw_only=True)
class SectionInterpolationConfig(Adversary):
    """Sizes of the generator; the defaults are the source's.

    Attributes:
        front: what slices are: ``none``, both neighbours; ``flow``, both brought half-way along the flow between them; ``wide``,
            both, the next ones on both sides, and both brought half-way.
        slice_modules, fused_modules: residual modules before and after the slices are fused. maps: feature maps of all layers.
        norm: batch norm before each activation.
        block: side of the squares of pixels that the first layer takes for channels, and the last one gives back.
        residual: what the output is added to: ``none``, the ``mean`` of both slices, or a ``linear`` mixture of squares of 7 x 7
            pixels of all slices, by least squares on what is trained on; it stays as it is.
    """

    front: str = "none"
    slice_modules: int = 2
    fused_modules: int = 3
    maps: int = 50
    norm: bool = True
    block: int = 1
    residual: str = "none"

    @property
    def margin(self) -> int:
        """Pixels that the section is smaller than the slices, on each side."""
        return self.block * (2 * self.slice_modules + 1 + 2 * self.fused_modules)

    @property
    def slices(self) -> int:
        """How many slices are seen."""
        return FRONTS[self.front]


def interpolation(config):
    """Build the generator.

    Args:
        config: `SectionInterpolationConfig`.

    Returns:
        A functional model: float32 (batch, height, width, slices), mean 0 and standard deviation 1, sides multiples of
        `config.block` -> (batch, height - 2 margin, width - 2 margin).

    Raises:
        InputError: an unknown front or residual.
    """
    for name, known in (("front", FRONTS), ("residual", RESIDUALS)):
        if getattr(config, name) not in known:
            raise InputError(f"{name} of sections: received {getattr(config, name)!r}, expected one of {', '.join(known)}")
    import tensorflow as tf

    from udl_tf.networks.sections.modules import activated, module
    from udl_tf.networks.sections.slices import FoldSlices, JoinSlices, MeanSlice, Unblock

    slices, silent = config.slices, config.residual != "none"
    inputs = tf.keras.Input((None, None, slices), name="slices")
    x = FoldSlices(config.block)(inputs)
    for number in range(config.slice_modules):
        x = module(x, config.maps, config.norm, first=number == 0)
    x = JoinSlices(slices)(x)
    # A 3D convolution as deep as there are slices is a 2D one over the maps of all of them.
    x = tf.keras.layers.Conv2D(config.maps, 3, kernel_initializer="he_normal", name="fuse")(
        activated(x, config.norm) if config.slice_modules else x
    )
    for _ in range(config.fused_modules - 1):
        x = module(x, config.maps, config.norm)
    section = Unblock(config.block)(module(x, config.block**2, config.norm, silent=silent))
    if config.residual == "mean":
        section = tf.keras.layers.Add()([section, MeanSlice(config.margin)(inputs)])
    if config.residual == "linear":
        predicted = tf.keras.layers.Conv2D(1, LINEAR, use_bias=False, kernel_initializer="zeros", trainable=False, name="linear")
        cropped = tf.keras.layers.Cropping2D(config.margin - LINEAR // 2)(inputs)
        section = tf.keras.layers.Add()([section, Unblock()(predicted(cropped))])
    return tf.keras.Model(inputs, section, name="section_interpolation")


NETWORK = Network(
    config=SectionInterpolationConfig,
    build=lambda config, box, period, precision: interpolation(config),
    period=lambda config: 360.0,  # it knows no angle
    proposes="angles",
    task="section-interpolation",
    space=Space((Whole("slice_modules", 1, 3), Whole("fused_modules", 1, 5), Choice("maps", (16, 32, 50)), Switch("norm"))),
    family="section-interpolation",
    materials=("sections",),
)

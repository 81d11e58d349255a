"""Sections between sections (section 5): convolutions, a transposed convolution along the volume, convolutions.

::

    coarse ── modules ── transposed (factor along z) ── modules ── fine

The source's goes over blocks in three dimensions (`SectionBlocksConfig`). Ours goes over planes across the sections, with the
planes beside them as channels: it can be trained on the own sections of a volume, thinned along one axis, of which the truth
is known.

An output j tells of the place ``j + first`` in steps of the fine volume, where section i lies at ``factor i``.
"""

import dataclasses
import typing

from pipelines.errors import InputError
from udl_tf.networks.entry import Network
from udl_tf.networks.search_space import Choice, Space, Switch, Whole
from udl_tf.networks.sections.adversary import Adversary


@dataclasses.dataclass(frozen=True, kw_only=True)
class SectionSuperresolutionConfig(Adversary):
    """Sizes of the generator of planes.

    Attributes:
        factor: fine steps in place of one.
        beside: planes on each side that a plane is seen with, `factor` pixels apart.
        coarse_modules, fine_modules: residual modules before and after the transposed convolution. maps: of all layers.
        norm: batch norm before each activation.
        residual: the output is added to what lies on the line between two sections.
        blur: standard deviation, pixels, by which sections are blurred along the axis that is thinned to make examples.
    """

    dimensions: typing.ClassVar[int] = 2

    factor: int = 3
    beside: int = 0
    coarse_modules: int = 3
    fine_modules: int = 2
    maps: int = 50
    norm: bool = True
    residual: bool = False
    blur: float = 0.0

    @property
    def margin(self) -> int:
        """Pixels that the output is smaller, on each side, along axes that are fine already."""
        return 2 * (self.coarse_modules + self.fine_modules)

    @property
    def first(self) -> int:
        """Fine steps from the first section that is seen to the first plane of the output."""
        return 2 * self.coarse_modules * self.factor + 2 * self.fine_modules - (self.factor - 1) // 2

    def sections_for(self, planes: int) -> int:
        """How many sections give at least so many planes."""
        return -(-(planes + 4 * self.fine_modules) // self.factor) + 4 * self.coarse_modules

    def length(self, sections: int) -> int:
        """Planes of the output for so many sections."""
        return (sections - 4 * self.coarse_modules) * self.factor - 4 * self.fine_modules


@dataclasses.dataclass(frozen=True, kw_only=True)
class SectionBlocksConfig(SectionSuperresolutionConfig):
    """Sizes of the generator of blocks; the defaults are the source's, the sides of the filters our choice."""

    dimensions: typing.ClassVar[int] = 3

    factor: int = 2


def superresolution(config):
    """Build the generator.

    Args:
        config: `SectionSuperresolutionConfig` or `SectionBlocksConfig`.

    Returns:
        A functional model on values of mean 0 and standard deviation 1. Of blocks: float32 (batch, sections, height, width, 1) to
        (batch, planes, height - 2 margin, width - 2 margin). Of planes: (batch, sections, width, 2 beside + 1) to (batch, planes,
        width - 2 margin). Planes: `config.length(sections)`.

    Raises:
        InputError: planes beside blocks, or no module behind the transposed convolution.
    """
    if (config.dimensions == 3 and config.beside) or not config.fine_modules:
        found = f"{config.beside} planes beside, {config.fine_modules} fine modules"
        raise InputError(f"section-superresolution: received {found}, expected none beside blocks, 1 module or more")
    import tensorflow as tf

    from udl_tf.networks.sections.modules import activated, module
    from udl_tf.networks.sections.planes import AlongSections
    from udl_tf.networks.sections.slices import Unblock

    flat = config.dimensions == 2
    inputs = tf.keras.Input((*[None] * config.dimensions, 2 * config.beside + 1), name="sections")
    x = inputs
    for number in range(config.coarse_modules):
        x = module(x, config.maps, config.norm, first=number == 0, dimensions=config.dimensions)
    transposed = tf.keras.layers.Conv2DTranspose if flat else tf.keras.layers.Conv3DTranspose
    size = (config.factor, *[1] * (config.dimensions - 1))
    x = transposed(config.maps, size, strides=size, kernel_initializer="he_normal")(activated(x, config.norm))
    for _ in range(config.fine_modules - 1):
        x = module(x, config.maps, config.norm, dimensions=config.dimensions)
    planes = Unblock()(module(x, 1, config.norm, silent=config.residual, dimensions=config.dimensions))
    if config.residual:
        line = AlongSections(config.factor, config.first, config.length(0), config.margin, name="line")(inputs)
        planes = tf.keras.layers.Add()([planes, line])
    return tf.keras.Model(inputs, planes, name="section_superresolution")


SPACE = Space((Whole("coarse_modules", 1, 6), Whole("fine_modules", 1, 3), Choice("maps", (16, 32, 50)), Switch("norm")))
NETWORK = Network(
    config=SectionSuperresolutionConfig,
    build=lambda config, box, period, precision: superresolution(config),
    period=lambda config: 360.0,  # it knows no angle
    proposes="angles",
    task="section-superresolution",
    space=SPACE,
    family="section-superresolution",
    materials=("sections",),
)
BLOCKS = dataclasses.replace(NETWORK, config=SectionBlocksConfig, task="section-blocks", family="section-blocks")

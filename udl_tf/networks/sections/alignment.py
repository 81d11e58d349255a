"""A volume told anew, so that its reslices look like its sections (section 4): residual modules of 3D valid convolutions.

The source's text has lost the sides of the filters, and does not say how many modules there are: as many as in the interpolation
network, to which it is "nearly identical".
"""

import dataclasses
import typing

from udl_tf.networks.entry import Network
from udl_tf.networks.search_space import Choice, Space, Switch, Whole
from udl_tf.networks.sections.adversary import Adversary


@dataclasses.dataclass(frozen=True, kw_only=True)
class SectionAlignmentConfig(Adversary):
    """Sizes of the generator; the defaults are the source's, with pixel loss.

    Attributes:
        modules: residual modules. maps: of all layers. norm: batch norm before each activation. residual: the output is added to
            the volume that is seen.
    """

    modules: int = 5
    maps: int = 50
    norm: bool = True
    residual: bool = False

    factor: typing.ClassVar[int] = 1  # planes come as sections do
    dimensions: typing.ClassVar[int] = 3
    beside: typing.ClassVar[int] = 0

    @property
    def margin(self) -> int:
        """Pixels and sections that the output is smaller, on each side."""
        return 2 * self.modules

    @property
    def first(self) -> int:
        """Sections from the first one that is seen to the first plane of the output."""
        return self.margin

    def sections_for(self, planes: int) -> int:
        """How many sections give so many planes."""
        return planes + 2 * self.margin

    def length(self, sections: int) -> int:
        """Planes of the output for so many sections."""
        return sections - 2 * self.margin


def alignment(config):
    """Build the generator: float32 (batch, sections, height, width, 1) to (batch, sections, height, width), less the margins."""
    import tensorflow as tf

    from udl_tf.networks.sections.modules import module
    from udl_tf.networks.sections.slices import Unblock

    inputs = tf.keras.Input((None, None, None, 1), name="sections")
    x = inputs
    for number in range(config.modules - 1):
        x = module(x, config.maps, config.norm, first=number == 0, dimensions=3)
    x = module(x, 1, config.norm, silent=config.residual, dimensions=3)
    if config.residual:
        x = tf.keras.layers.Add()([x, tf.keras.layers.Cropping3D(config.margin)(inputs)])
    return tf.keras.Model(inputs, Unblock()(x), name="section_alignment")


NETWORK = Network(
    config=SectionAlignmentConfig,
    build=lambda config, box, period, precision: alignment(config),
    period=lambda config: 360.0,  # it knows no angle
    proposes="angles",
    task="section-alignment",
    space=Space((Whole("modules", 2, 8), Choice("maps", (16, 32, 50)), Switch("norm"))),
    family="section-alignment",
    materials=("sections",),
)

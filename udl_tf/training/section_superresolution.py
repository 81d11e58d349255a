"""The task of super-resolution: planes across the sections, finer along the volume (section 5)."""

import numpy as np
import tensorflow as tf

from udl_tf.networks.sections.planes import AlongSections
from udl_tf.training import section_thinning
from udl_tf.training.section_interpolation import measured
from udl_tf.training.section_task import SectionTask


class Thinned:
    """What `SectionModel` asks of the examples of super-resolution; see `pipelines.pairs.section_planes`.

    Args:
        side: of the squares that the discriminator sees.
    """

    def __init__(self, side):
        self._side = side

    def seen(self, data):
        """The thinned sections."""
        return data["sections"]

    def pixels(self, made, data):
        """Mean absolute difference."""
        return tf.reduce_mean(tf.abs(made - data["planes"]))

    def real(self, data, number):
        """Sections as they are."""
        return self.made(data["planes"], data, number)

    def made(self, made, data, number):
        """What was made, cut to squares."""
        return made[:, : self._side, : self._side, None]


class SectionSuperresolutionTask(SectionTask):
    """See `SectionTask`; its data are `section_thinning.ThinnedData`."""

    name, unit, slices = "section-superresolution", "planes", 1

    def gather(self, config, data=None, simulate_from=None):
        """`section_thinning.gather`."""
        return section_thinning.gather(config, data, simulate_from)

    def examples(self, config):
        """`Thinned`."""
        return Thinned(config.box)

    def part(self, held_out, count):
        """The first planes."""
        return section_thinning.HeldOut(*(planes[:count] for planes in held_out))

    def measures(self, config, network, held_out):
        """See `section_interpolation.measured`."""
        return measured(_made(network, held_out), held_out.planes)

    def reference(self, config, held_out):
        """``line_mae``: what lies on the line between sections."""
        return {"line_mae": measured(_line(config.network, held_out), held_out.planes)["mae"], "held_out": len(held_out.planes)}

    def planes(self, network, held_out):
        """The planes made and the true ones."""
        some = self.part(held_out, 4)
        return {"made": _made(network, some), "true": some.planes}


def _made(network, held_out):
    return np.concatenate([network(one[None], training=False).numpy() for one in held_out.sections])


def _line(config, held_out):
    layer = AlongSections(config.factor, config.first, config.length(0), config.margin)
    return layer(held_out.sections).numpy()

"""The tasks of networks on blocks: alignment (section 4) and super-resolution as in the source (section 5).

The discriminator tells sections, which are real, from reslices of what the network makes. The pixel loss is on the planes of the
output that lie where there are sections.
"""

import collections

import numpy as np
import tensorflow as tf

from pipelines import draws
from pipelines.errors import InputError
from pipelines.pairs.section_blocks import blocks
from udl_tf.training.section_task import SectionTask
from udl_tf.training.section_volumes import described, sections_of, strip_of
from udl_tf.volumes.sharpness import band_power
from udl_tf.volumes.slices import Scale

MOST = 2**28  # values that are kept in memory, half of a gigabyte
SPREAD = 2**20  # between the random numbers of one step and those of the next kind

BlockData = collections.namedtuple("BlockData", "train held_out scale description files")
HeldOut = collections.namedtuple("HeldOut", "block nearest")  # `nearest`: the section under each plane that is made of the block


class Blocks:
    """What `SectionModel` asks of blocks (batch, depth, side, side); see `pipelines.pairs.section_blocks`.

    Args:
        network: `SectionAlignmentConfig` or `SectionBlocksConfig`. side: of the squares that the discriminator sees. seed: of the
            places of sections and reslices.
    """

    def __init__(self, network, side, seed):
        self._network, self._side, self._seed = network, side, seed

    def seen(self, data):
        """The block."""
        return data[..., None]

    def pixels(self, made, data):
        """Mean absolute difference where there are sections."""
        return tf.reduce_mean(tf.abs(tf.subtract(*where_sections_are(made, data, self._network))))

    def real(self, data, number):
        """A section of each block."""
        margin, depth = self._network.margin, self._draw(number, 0, tf.shape(data)[1])
        return data[:, depth, margin : margin + self._side, margin : margin + self._side, None]

    def made(self, made, data, number):
        """A plane of each block that was made, along x for one half of the steps, along y for the other."""
        place, along_x = self._draw(number, 1, tf.shape(made)[2]), self._draw(number, 2, 2) == 0
        plane = tf.where(along_x, made[:, :, place, :], made[:, :, :, place])
        return plane[:, : self._side, : self._side, None]

    def _draw(self, number, kind, limit):
        return draws.integers((), tf.stack([tf.constant(self._seed, tf.int32), kind * SPREAD + number]), 0, limit)


def where_sections_are(made, data, network):
    """Of blocks made and seen the planes that lie where sections are: (batch, n, height, width) twice."""
    places = network.first + tf.range(tf.shape(made)[1])
    known = tf.where(places % network.factor == 0)[:, 0]
    margin, below, right = network.margin, tf.shape(data)[2] - network.margin, tf.shape(data)[3] - network.margin
    sections = tf.gather(data, tf.gather(places, known) // network.factor, axis=1)
    return tf.gather(made, known, axis=1), sections[:, :, margin:below, margin:right]


class SectionBlocksTask(SectionTask):
    """See `SectionTask`; its data are `BlockData`. name: of the task."""

    unit, slices = "blocks", 1

    def __init__(self, name):
        self.name = name

    def gather(self, config, data=None, simulate_from=None):
        """The blocks of a run; `data` is the path of a volume, or None for made tissue; the lowest rows are held out.

        Raises:
            InputError: no volume, or one that is too small.
        """
        network, side = config.network, config.box + 2 * config.network.margin
        depth = network.sections_for(config.box)
        found = sections_of(config, data, simulate_from, (2 * side, 2 * side), float(network.factor))
        height, width = found.read(0).shape
        count = min(found.count, max(depth, MOST // (height * width)))
        if count < depth:
            raise InputError(f"{found.name}: received {found.count} sections, expected at least {depth}")
        strip = strip_of(height, width, network.margin, (side, side), found.name)
        start = (found.count - count) // 2
        scale = Scale.of(found.read(start + k) for k in range(count))
        volume = np.stack([np.float16(scale.normal(found.read(start + k))) for k in range(count)])

        def batches(start=0):
            return blocks(volume[:, : height - strip], depth, side, config.batch, config.seed, start)

        nearest = np.rint((network.first + np.arange(network.length(depth))) / network.factor).astype(int)
        held_out = HeldOut(np.float32(volume[None, :depth, height - strip :, :side]), nearest)
        return BlockData(batches, held_out, scale, described(found, f"blocks of {depth}", strip), found.files)

    def examples(self, config):
        """`Blocks`."""
        return Blocks(config.network, config.box, config.seed)

    def part(self, held_out, count):
        """All of it: it is one block."""
        return held_out

    def measures(self, config, network, held_out):
        """``mae`` where there are sections; ``sharpness``: power of reslices over that of sections, in the middle band."""
        made = network(held_out.block[..., None], training=False)
        difference = tf.subtract(*where_sections_are(made, held_out.block, config.network))
        return {"mae": float(np.abs(difference).mean()), "sharpness": _likeness(made.numpy(), held_out.block)}

    def reference(self, config, held_out):
        """``sharpness_before``, of the volume as it is."""
        return {"sharpness_before": _likeness(held_out.block, held_out.block)}

    def planes(self, network, held_out):
        """A reslice as it is, each row where its plane is made, and the same of what was made."""
        made = network(held_out.block[..., None], training=False).numpy()
        top, left = ((wide - side) // 2 for wide, side in zip(held_out.block.shape[2:], made.shape[2:]))
        middle = made.shape[2] // 2
        before = held_out.block[:, held_out.nearest, top + middle, left : left + made.shape[3]]
        return {"before": before, "made": made[:, :, middle]}


def _likeness(made, sections):
    reslices, planes = made[0].transpose(1, 0, 2), sections[0]
    powers = [np.mean([band_power(plane)[0] / plane.size for plane in part]) for part in (reslices, planes)]
    return float(powers[0] / powers[1])

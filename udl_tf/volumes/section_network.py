"""A trained network that makes a section from its two neighbours, and how it goes over a section in tiles."""

import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from udl_tf.alignment import models, saving
from udl_tf.networks.build import build
from udl_tf.networks.registry import network_of
from udl_tf.presets import load
from udl_tf.volumes.slices import Scale, around, slices_of

TILE = 384  # pixels, longest side of what is made at once
TURNS = 4  # quarter turns that are averaged, but not of networks with a discriminator: a mean is not sharp
TASK = "section-interpolation"


class SectionNetwork:
    """A network of `udl_tf.networks.sections.interpolation`.

    Args:
        network: the Keras model. config: its `SectionInterpolationConfig`. scale: of the volume it is used on.
    """

    def __init__(self, network, config, scale: Scale):
        self._config, self._scale = config, scale
        self._run = tf.function(lambda slices: network(slices, training=False), reduce_retracing=True, autograph=False)

    def around(self, number: int) -> list[int]:
        """Numbers of the sections that are seen to make one."""
        return around(number, self._config.front)

    def made(self, sections: Sequence[np.ndarray], tile: int = TILE) -> np.ndarray:
        """The section float32 (height, width) in the middle of those `around` it, in their grey values."""
        slices = self._scale.normal(slices_of([np.float32(one) for one in sections], self._config.front))
        turns = 1 if self._config.adversarial else TURNS
        made = [self._turned(slices, turn, tile) for turn in range(turns)]
        return self._scale.grey(np.mean(made, 0))

    def _turned(self, slices, turn, tile):
        """What is made of slices turned by some quarters, back to front after an odd number of them, turned back."""
        seen = np.rot90(slices[..., ::-1] if turn % 2 else slices, turn)
        return np.rot90(tiled(self._run, seen, self._config.margin, self._config.block, tile), -turn)


def open_network(name, scale: Scale) -> SectionNetwork:
    """The network of a run folder or SavedModel, for a volume of this scale.

    Raises:
        InputError: there is none, or it is trained for something else.
    """
    folder = models.find(name)
    config = load(pathlib.Path(folder) / "assets.extra" / "config.json")
    task = network_of(config.network).task
    if task != TASK:
        raise InputError(f"{name} is a network for the task {task}: expected one of fit --preset sections-interpolation")
    network = build(config)
    saving.load_weights(folder, network)
    return SectionNetwork(network, config.network, scale)


def tiled(run, planes: np.ndarray, margin: int, block: int = 1, tile: int = TILE) -> np.ndarray:
    """What a network makes of planes, float32 (height, width), tile by tile; beyond the border they are reflected.

    Args:
        run: from (1, rows, columns, channels) to (1, rows - 2 margin, columns - 2 margin). planes: (height, width, channels).
        block: sides of tiles are multiples of it. tile: pixels, longest side of a tile.
    """
    size = planes.shape[:2]
    counts = [-(-side // tile) for side in size]
    sides = [-(-side // (count * block)) * block for side, count in zip(size, counts)]
    beyond = [(margin, margin + count * part - side) for side, count, part in zip(size, counts, sides)]
    padded = np.pad(np.float32(planes), [*beyond, (0, 0)], "reflect" if min(size) > max(map(max, beyond)) else "symmetric")
    found = np.empty([count * part for count, part in zip(counts, sides)], np.float32)
    for top in range(0, len(found), sides[0]):
        for left in range(0, found.shape[1], sides[1]):
            cut = padded[None, top : top + sides[0] + 2 * margin, left : left + sides[1] + 2 * margin]
            found[top : top + sides[0], left : left + sides[1]] = run(tf.constant(cut))[0]
    return found[: size[0], : size[1]]

"""A trained network that puts sections between others, over a whole volume a few sections at a time.

It goes over planes across the sections, along x and along y, and both answers are averaged. Beyond the borders the volume is
reflected.
"""

import pathlib
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from udl_tf.alignment import models, saving
from udl_tf.networks.build import build
from udl_tf.networks.registry import network_of
from udl_tf.presets import load
from udl_tf.volumes.slices import Scale

CHUNK = 24  # sections of which those between are made at once
TILE = 256  # pixels, longest side of what is made at once
ROWS = 16  # planes across the sections that are made at once
TASK = "section-superresolution"


class FinerNetwork:
    """A network of `udl_tf.networks.sections.superresolution`, of planes.

    Args:
        network: the Keras model. config: its `SectionSuperresolutionConfig`. scale: of the volume it is used on.
    """

    def __init__(self, network, config, scale: Scale):
        self._config, self._scale, self.factor = config, scale, config.factor
        self._run = tf.function(lambda planes: network(planes, training=False), reduce_retracing=True, autograph=False)

    def between(self, read: Callable, count: int, chunk: int = CHUNK, tile: int = TILE) -> Iterator[np.ndarray]:
        """Sections float32 (height, width) that divide each step from a section to the next into `factor` equal ones.

        Args:
            read: from a number to a section (height, width). count: sections. chunk: steps at once. tile: pixels at once.

        Yields:
            For each of the `count` - 1 steps its `factor` - 1 sections, in order.
        """
        for start in range(0, count - 1, chunk):
            end = min(start + chunk, count - 1)
            fine = self._fine(read, count, start, end, tile)
            for step in range(end - start):
                yield from fine[step * self.factor + 1 : (step + 1) * self.factor]

    def _fine(self, read, count, start, end, tile):
        """All planes from section `start` to section `end`, the first and the last one left as they come."""
        config, factor = self._config, self.factor
        before = -(-config.first // factor)  # sections that must be seen before
        length = (end - start) * factor + 1
        skip = before * factor - config.first  # planes before the first one wanted
        sections = -(-(length + skip - config.length(0)) // factor)
        numbers = [_reflected(k, count) for k in range(start - before, start - before + sections)]
        known = {number: self._scale.normal(read(number)) for number in sorted(set(numbers))}
        block = np.stack([known[number] for number in numbers])
        margin = max(config.margin, config.beside * factor)
        size = block.shape[1:]
        made = np.empty((length, *size), np.float32)
        for top in range(0, size[0], tile):
            for left in range(0, size[1], tile):
                rows, columns = (np.arange(low - margin, min(low + tile, side) + margin) for low, side in zip((top, left), size))
                part = block[:, _reflected(rows, size[0])][:, :, _reflected(columns, size[1])]
                down = self._along(part, margin)
                across = self._along(part.transpose(0, 2, 1), margin).transpose(0, 2, 1)
                made[:, top : top + tile, left : left + tile] = 0.5 * (down + across)[skip : skip + length]
        return self._scale.grey(made)

    def _along(self, block, margin):
        """Planes of x and the sections, for one row after the other: (planes, rows, columns) of a block with margins."""
        config = self._config
        wide = slice(margin - config.margin, block.shape[2] - margin + config.margin)
        rows = range(margin, block.shape[1] - margin)
        layers = config.factor * np.arange(-config.beside, config.beside + 1)
        parts = []
        for start in rows[::ROWS]:
            chosen = np.arange(start, min(start + ROWS, rows.stop))
            planes = block[:, chosen[:, None] + layers, wide]  # (sections, rows, layers, columns)
            parts.append(self._run(tf.constant(planes.transpose(1, 0, 3, 2))).numpy())
        return np.concatenate(parts).transpose(1, 0, 2)


def open_finer(name, scale: Scale, factor: int) -> FinerNetwork:
    """The network of a run folder or SavedModel, for a volume of this scale.

    Raises:
        InputError: there is none, or it is trained for something else, or for another factor.
    """
    folder = models.find(name)
    config = load(pathlib.Path(folder) / "assets.extra" / "config.json")
    task = network_of(config.network).task
    if task != TASK:
        raise InputError(f"{name} is a network for the task {task}: expected one of fit --preset sections-superresolution")
    if config.network.factor != factor:
        raise InputError(f"{name} makes {config.network.factor} steps of one: received --factor {factor}")
    network = build(config)
    saving.load_weights(folder, network)
    return FinerNetwork(network, config.network, scale)


def _reflected(numbers, count):
    """Numbers within 0 to `count` - 1, reflected at both ends as often as it takes."""
    period = max(1, 2 * (count - 1))
    within = np.mod(numbers, period)
    return np.minimum(within, period - within)

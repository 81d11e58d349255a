"""A trained network that makes a volume anew, finer along it or as fine, over the whole of it a few sections at a time.

Ours goes over planes across the sections, along x and along y, and both answers are averaged; but where it has a discriminator
along x alone, as a mean is not sharp. The source's goes over blocks. Convolutions are valid and tiles are seen with their
margins: they lie side by side as one piece would, and there is nothing to blend. Beyond the borders the volume is reflected.
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
BLOCK_TILE = 64  # the same of blocks, whose maps take fifty times as much memory
ROWS = 16  # planes across the sections that are made at once
FINER = ("section-superresolution", "section-blocks")


class FinerNetwork:
    """A network of `udl_tf.networks.sections.superresolution`, of planes or of blocks, or of `alignment` there.

    Args:
        network: the Keras model. config: of it. scale: of the volume it is used on.
    """

    def __init__(self, network, config, scale: Scale):
        self._config, self._scale, self.factor = config, scale, config.factor
        self._run = tf.function(lambda planes: network(planes, training=False), reduce_retracing=True, autograph=False)

    def between(self, read: Callable, count: int, chunk: int = CHUNK, tile: int | None = None) -> Iterator[np.ndarray]:
        """Sections float32 (height, width) that divide each step from a section to the next into `factor` equal ones.

        Args:
            read: from a number to a section (height, width). count: sections. chunk: steps at once. tile: pixels at once.

        Yields:
            For each of the `count` - 1 steps its `factor` - 1 sections, in order.
        """
        for number, plane in enumerate(self.planes(read, count, chunk, tile)):
            if number % self.factor:
                yield plane

    def planes(self, read: Callable, count: int, chunk: int = CHUNK, tile: int | None = None) -> Iterator[np.ndarray]:
        """All that the network makes, float32 (height, width), from the place of the first section to that of the last one.

        Args: see `between`.
        """
        for start in range(0, count - 1, chunk):
            end = min(start + chunk, count - 1)
            fine = self._fine(read, count, start, end, tile or (TILE if self._config.dimensions == 2 else BLOCK_TILE))
            yield from fine if end == count - 1 else fine[:-1]

    def _fine(self, read, count, start, end, tile):
        """All planes from section `start` to section `end`, as they come."""
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
                made[:, top : top + tile, left : left + tile] = self._made(part, margin)[skip : skip + length]
        return self._scale.grey(made)

    def _made(self, part, margin):
        """(planes, rows, columns) of a block with margins."""
        if self._config.dimensions == 3:
            return self._run(tf.constant(part[None, ..., None])).numpy()[0]
        along_x = self._along(part, margin)
        if self._config.adversarial:
            return along_x
        return 0.5 * (along_x + self._along(part.transpose(0, 2, 1), margin).transpose(0, 2, 1))

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
    """The network of a run folder or SavedModel that puts sections between others, for a volume of this scale.

    Raises:
        InputError: there is none, or it is trained for something else, or for another factor.
    """
    found = _opened(name, scale, FINER, "sections-superresolution")
    if found.factor != factor:
        raise InputError(f"{name} makes {found.factor} steps of one: received --factor {factor}")
    return found


def open_remaking(name, scale: Scale) -> FinerNetwork:
    """The network that makes all sections anew; see `open_finer`."""
    return _opened(name, scale, ("section-alignment",), "sections-alignment-paper")


def _opened(name, scale, tasks, preset):
    folder = models.find(name)
    config = load(pathlib.Path(folder) / "assets.extra" / "config.json")
    task = network_of(config.network).task
    if task not in tasks:
        raise InputError(f"{name} is a network for the task {task}: expected one of fit --preset {preset}")
    network = build(config)
    saving.load_weights(folder, network)
    return FinerNetwork(network, config.network, scale)


def _reflected(numbers, count):
    """Numbers within 0 to `count` - 1, reflected at both ends as often as it takes."""
    period = max(1, 2 * (count - 1))
    within = np.mod(numbers, period)
    return np.minimum(within, period - within)

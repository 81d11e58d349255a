"""What super-resolution learns from: the coarse volume alone, its sections thinned along x or y.

The lowest rows of every section are held out: what the curve shows was not learned from.
"""

import collections

import cv2
import numpy as np

from pipelines.errors import InputError
from pipelines.pairs.section_planes import thinned
from udl_tf.training.section_volumes import described, sections_of, strip_of
from udl_tf.volumes.slices import Scale

MOST = 2**28  # values that are kept in memory: half of a gigabyte, thrice that where they are blurred
SHOWN = 8  # held-out planes

ThinnedData = collections.namedtuple("ThinnedData", "train held_out scale description files")
HeldOut = collections.namedtuple("HeldOut", "sections planes")


def gather(config, data=None, simulate_from=None):
    """The planes of a run.

    Args:
        config: `udl_tf.presets.Config`. data: path of a volume, or None for made tissue. simulate_from: must be None.

    Returns:
        `ThinnedData`: `train`, from the number of a step to the endless dataset that begins there, see
        `pipelines.pairs.section_planes`; `held_out`, a `HeldOut` of float32 (n, sections, rows, 2 beside + 1) and (n, planes,
        rows); `scale`, the `Scale` of grey values; `description`, a line for people; `files`, the paths of all that was read.

    Raises:
        InputError: no volume, too few good sections next to each other, or too small ones.
    """
    network = config.network
    found = sections_of(config, data, simulate_from, (3 * config.box, 4 * config.box), float(network.factor))
    height, width = found.read(0).shape
    count = min(found.count, max(1, MOST // (height * width)))
    numbers = range((found.count - count) // 2, (found.count + count) // 2)  # sections beside one another
    good = [number not in found.bad for number in numbers]
    reach = network.beside
    depths = [k for k in range(reach, count - reach) if all(good[k - reach : k + reach + 1])]
    if not depths:
        raise InputError(f"{found.name}: no {2 * reach + 1} good sections in a row, expected some to learn from")
    sections = network.sections_for(config.box)
    long, wide = (sections - 1) * network.factor + 1, config.box + 2 * network.margin
    side = max(long, wide)
    strip = strip_of(height, width, network.margin, (side, side), found.name)
    scale = Scale.of(found.read(numbers[k]) for k in depths)
    volume = np.stack([np.float16(scale.normal(found.read(number))) for number in numbers])
    upper = volume[:, : height - strip]
    ways = [_blurred(upper, network.blur, axis) for axis in (1, 0)]
    shape = sections, network.length(sections), config.box

    def batches(start=0):
        examples = shape, network.first, reach, network.factor, config.batch, config.seed, start, network.margin
        return thinned((*ways, upper), depths, *examples)

    lower = _blurred(volume[:, height - strip :], network.blur, 1)
    held_out = _held_out(network, lower, volume[:, height - strip :], depths)
    return ThinnedData(batches, held_out, scale, described(found, f"{len(depths)} sections", strip), found.files)


def _held_out(network, seen, whole, depths):
    """Planes along x of some sections, thinned along x."""
    chosen = [depths[k] for k in np.unique(np.linspace(0, len(depths) - 1, SHOWN).astype(int))]
    layers = np.arange(-network.beside, network.beside + 1)
    sections = np.stack([seen[k + layers, :, :: network.factor].transpose(2, 1, 0) for k in chosen])
    made = network.first + np.arange(network.length(sections.shape[1]))
    inner = slice(network.margin, whole.shape[1] - network.margin)
    planes = np.stack([whole[k, inner][:, made].T for k in chosen])
    return HeldOut(np.float32(sections), np.float32(planes))


def _blurred(volume, sigma, axis):
    """Sections blurred along y (0) or x (1)."""
    if not sigma:
        return volume
    sigmas = {"sigmaX": sigma if axis else 1e-6, "sigmaY": 1e-6 if axis else sigma}
    side = 2 * int(np.ceil(4 * sigma)) + 1
    size = (side, 1) if axis else (1, side)
    return np.stack([np.float16(cv2.GaussianBlur(np.float32(one), size, **sigmas)) for one in volume])

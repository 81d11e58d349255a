"""What networks that interpolate sections learn from: triplets of a volume, or of made tissue where there is none.

The lowest rows of every section are held out: what the curve shows was not learned from.
"""

import collections

import numpy as np

from pipelines.errors import InputError
from pipelines.pairs.section_crops import triplets
from udl_tf.training.section_volumes import described, sections_of, strip_of
from udl_tf.volumes.slices import FRONTS, Scale, around, slices_of

LARGEST = 1024  # pixels, side of what is taken of a section, at a random place
MOST = 2**28  # values that are kept in memory, half of a gigabyte

TripletData = collections.namedtuple("TripletData", "train held_out scale description files")
HeldOut = collections.namedtuple("HeldOut", "slices sections")


def gather(config, data=None, simulate_from=None):
    """The triplets of a run.

    Args:
        config: `udl_tf.presets.Config`. data: path of a volume, or None for made tissue. simulate_from: must be None.

    Returns:
        `TripletData`: `train`, from the number of a step to the endless dataset that begins there, see
        `pipelines.pairs.section_crops`; `held_out`, a `HeldOut` of float32 (n, rows, width, slices) and (n, rows - 2 margin,
        width - 2 margin); `scale`, the `Scale` of grey values; `description`, a line for people; `files`, the paths of all that
        was read.

    Raises:
        InputError: no volume, too few good sections next to each other, or too small ones.
    """
    found = sections_of(config, data, simulate_from, (2 * config.box + 32, 3 * config.box))
    good = set(range(found.count)) - set(found.bad)
    front = config.network.front
    middles = [number for number in sorted(good) if set(around(number, front)) <= good]
    if not middles:
        length = 2 * FRONTS[front].reach + 1
        raise InputError(f"{found.name}: no {length} good sections in a row, expected some to learn from")
    margin, side = config.network.margin, config.box + 2 * config.network.margin
    height, width = np.minimum(found.read(middles[0]).shape, LARGEST)
    strip = strip_of(height, width, margin, (side, side), found.name)
    slices, sections, scale = _examples(config, found.read, middles)
    seen = np.s_[:, : height - strip]
    low = np.float32(slices[:, height - strip :]), np.float32(sections[:, height - strip + margin : height - margin])
    held_out = HeldOut(low[0], low[1][:, :, margin : width - margin])
    train = slices[seen], sections[seen]

    def batches(start=0):
        return triplets(*train, config.box, config.batch, config.seed, start, margin)

    description = described(found, f"{len(middles)} triplets", strip)
    return TripletData(batches, held_out, scale, description, found.files)


def _examples(config, read, middles):
    """Slices float16 (n, height, width, slices), sections float16 (n, height, width), and the scale they were brought to."""
    size = np.minimum(read(middles[0]).shape, LARGEST)
    most = max(1, MOST // ((config.network.slices + 1) * int(np.prod(size))))
    chosen = [middles[k] for k in np.unique(np.linspace(0, len(middles) - 1, most).astype(int))]
    scale, rng = Scale.of(read(number) for number in chosen), np.random.default_rng(config.seed)
    slices, sections = [], []
    for number in chosen:
        section, others = read(number), [read(k) for k in around(number, config.network.front)]
        top, left = (int(rng.integers(side - part + 1)) for side, part in zip(section.shape, size))
        cut = np.s_[top : top + size[0], left : left + size[1]]
        seen = slices_of([other[cut] for other in others], config.network.front)
        slices.append(np.float16(scale.normal(seen)))
        sections.append(np.float16(scale.normal(section[cut])))
    return np.stack(slices), np.stack(sections), scale

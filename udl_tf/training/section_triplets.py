"""What networks that interpolate sections learn from: triplets of a volume, or of made tissue where there is none.

The lowest rows of every section are held out: what the curve shows was not learned from.
"""

import collections

import numpy as np

from pipelines.errors import InputError
from pipelines.files.volumes import open_volume
from pipelines.pairs.section_crops import triplets
from pipelines.pictures.tissue import made_volume
from udl_tf.volumes.faults import find_faults
from udl_tf.volumes.slices import Scale, slices_of

LARGEST = 1024  # pixels, side of what is taken of a section, at a random place
MOST = 2**28  # values that are kept in memory, half of a gigabyte
HELD_OUT = 8  # the lowest of as many equal strips is held out
STEP = 2.0  # pixels between made sections

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
    if simulate_from:
        raise InputError("received --simulate-from: sections are learned from as they are, expected --data VOLUME")
    if data:
        array = open_volume(data)
        count, files, kind = array.plane_count, list(array.files), f"{data}"
        bad = find_faults(lambda number: array.planes([number])[0], count)
    else:
        array, count, files, bad = None, config.sources, [], {}
        volume, kind = made_volume(count, (2 * config.box + 32, 3 * config.box), config.seed, STEP), "made tissue"

    def read(number):
        return array.planes([number])[0] if data else volume[number]

    good = set(range(count)) - set(bad)
    middles = [number for number in sorted(good) if {number - 1, number + 1} <= good]
    if not middles:
        raise InputError(f"{data}: no three good sections in a row, expected some to learn from")
    slices, sections, scale = _examples(config, read, middles)
    height, width = sections.shape[1:]
    margin, side = config.network.margin, config.box + 2 * config.network.margin
    strip = max(height // HELD_OUT, 2 * margin + 16)
    if min(height - strip, width) < side:
        raise InputError(f"{kind}: sections of {width}x{height} pixels, expected at least {side}x{side + strip}")
    seen = np.s_[:, : height - strip]
    low = np.float32(slices[:, height - strip :]), np.float32(sections[:, height - strip + margin : height - margin])
    held_out = HeldOut(low[0], low[1][:, :, margin : width - margin])
    train = slices[seen], sections[seen]
    left_out = f", {len(bad)} faulty ones left out" if bad else ""
    description = f"{len(middles)} triplets of {count} sections of {kind}{left_out}, their lowest {strip} rows held out"

    def batches(start=0):
        return triplets(*train, config.box, config.batch, config.seed, start, margin)

    return TripletData(batches, held_out, scale, description, files)


def _examples(config, read, middles):
    """Slices float16 (n, height, width, slices), sections float16 (n, height, width), and the scale they were brought to."""
    size = np.minimum(read(middles[0]).shape, LARGEST)
    most = max(1, MOST // (3 * int(np.prod(size))))
    chosen = [middles[k] for k in np.unique(np.linspace(0, len(middles) - 1, most).astype(int))]
    scale, rng = Scale.of(read(number) for number in chosen), np.random.default_rng(config.seed)
    slices, sections = [], []
    for number in chosen:
        before, section, after = (read(k) for k in (number - 1, number, number + 1))
        top, left = (int(rng.integers(side - part + 1)) for side, part in zip(section.shape, size))
        cut = np.s_[top : top + size[0], left : left + size[1]]
        slices.append(np.float16(scale.normal(slices_of(before[cut], after[cut], config.network.front))))
        sections.append(np.float16(scale.normal(section[cut])))
    return np.stack(slices), np.stack(sections), scale

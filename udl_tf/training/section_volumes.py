"""Sections that networks learn from, read once: of a volume, or of made tissue where there is none."""

import collections

from pipelines.errors import InputError
from pipelines.files.volumes import open_volume
from pipelines.pictures.tissue import made_volume
from udl_tf.volumes.faults import find_faults

STEP = 2.0  # pixels between made sections
HELD_OUT = 8  # the lowest of as many equal strips is held out

# `read`, from a number to a section; how many there are; numbers of those that are not good; what they are, for people; paths.
Sections = collections.namedtuple("Sections", "read count bad name files")


def sections_of(config, data=None, simulate_from=None, size=(256, 256), step=STEP) -> Sections:
    """Open a volume, or make one.

    Args:
        config: `udl_tf.presets.Config`. data: path of a volume, or None for made tissue of `size`, `step` pixels from a section
            to the next. simulate_from: must be None.

    Raises:
        InputError: no volume.
    """
    if simulate_from:
        raise InputError("received --simulate-from: sections are learned from as they are, expected --data VOLUME")
    if data is None:
        volume = made_volume(config.sources, size, config.seed, step)
        return Sections(volume.__getitem__, config.sources, {}, "made tissue", [])
    array = open_volume(data)

    def read(number):
        return array.planes([number])[0]

    return Sections(read, array.plane_count, find_faults(read, array.plane_count), str(data), list(array.files))


def strip_of(height: int, width: int, margin: int, side: tuple[int, int], name: str) -> int:
    """Rows at the lower border that are held out.

    Args:
        height, width: of a section. margin: pixels that the output of the network is smaller, on each side. side: pixels down and
            to the right that one example needs. name: of the sections, for errors.

    Raises:
        InputError: what is left is too small for an example.
    """
    strip = max(height // HELD_OUT, 2 * margin + 16)
    if height - strip < side[0] or width < side[1]:
        found, expected = f"{width}x{height}", f"{side[1]}x{side[0] + strip}"
        raise InputError(f"{name}: sections of {found} pixels, expected at least {expected}")
    return strip


def described(sections, what: str, strip: int) -> str:
    """A line for people."""
    bad = f", {len(sections.bad)} faulty ones left out" if sections.bad else ""
    return f"{what} of {sections.count} sections of {sections.name}{bad}, their lowest {strip} rows held out"

"""What goes wrong with sections: lost, half lost, out of focus, recorded twice, torn, folded. To see whether it is found."""

import cv2
import numpy as np


def zero(section, before, rng):
    """Nothing was recorded."""
    return np.zeros_like(section)


def half_black(section, before, rng):
    """Half of it was lost."""
    found, half = section.copy(), len(section) // 2
    found[:half] = 0
    return found


def blurred(section, before, rng):
    """Out of focus."""
    return cv2.GaussianBlur(section, (0, 0), rng.uniform(2.0, 4.0))


def duplicated(section, before, rng):
    """The one before, recorded twice."""
    return before.copy()


def torn(section, before, rng):
    """Torn along a line; one part moved aside."""
    height, width = section.shape
    above = _line(height, width, rng)
    moved = np.roll(section, (int(rng.integers(4, 9)), int(rng.integers(12, 20))), (0, 1))
    gap = np.abs(above) < 3
    return np.where(gap, section.max(), np.where(above < 0, section, moved)).astype(section.dtype)


def folded(section, before, rng):
    """Folded along a line: a dark band, and tissue that lies under it and is missing on the other side."""
    height, width = section.shape
    beside, wide = _line(height, width, rng), rng.uniform(8, 14)
    moved = np.roll(section, (int(wide), 0), (0, 1))
    band = np.abs(beside) < wide / 2
    return np.where(band, section * 0.35, np.where(beside < 0, section, moved)).astype(section.dtype)


def _line(height, width, rng):
    """Distance from a line across a section, (height, width) pixels, negative above it."""
    y, x = np.mgrid[:height, :width]
    slope = rng.uniform(-0.3, 0.3)
    return (y - height * rng.uniform(0.35, 0.65) - slope * (x - width / 2)) / np.hypot(1.0, slope)


FAULTS = {"zero": zero, "half black": half_black, "blurred": blurred, "duplicated": duplicated, "torn": torn, "folded": folded}


def plant(volume, numbers, seed=0):
    """A copy of a volume (n, height, width) with faults of all kinds in turn, and their names.

    Args:
        numbers: of the sections from 0 in rising order, none the first.
    """
    rng, found = np.random.default_rng(seed), volume.copy()
    names = [list(FAULTS)[k % len(FAULTS)] for k in range(len(numbers))]
    for number, name in zip(numbers, names):
        found[number] = FAULTS[name](volume[number], found[number - 1], rng)
    return found, names

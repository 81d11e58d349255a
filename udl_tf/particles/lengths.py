"""Lengths that people give in pixels or in Angstrom."""

import re

import numpy as np

from pipelines.errors import InputError


def length(value, pixel_size, name):
    """Pixels of a length: a number of pixels, or text that ends with A for Angstrom. None stays None.

    Raises:
        InputError: not a positive length, or Angstrom without a pixel size.
    """
    if value is None:
        return None
    match = re.fullmatch(r"\s*([0-9.]+(?:[eE][-+]?[0-9]+)?)\s*(A|px)?\s*", str(value))
    try:
        number = float(match.group(1)) if match else -1.0
    except ValueError:
        number = -1.0
    if not 0.0 <= number < np.inf:
        raise InputError(f"--{name} {value}: expected pixels such as 12 or 12px, or Angstrom such as 25A")
    if match.group(2) != "A":
        return number
    if pixel_size is None:
        raise InputError(f"--{name} {value}: pixel size unknown, expected pixels or --pixel-size A")
    return number / pixel_size

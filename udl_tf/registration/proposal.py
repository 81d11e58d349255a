"""Where to begin: what an aligner says of two pictures of any sizes, of their middles or of all of them."""

import dataclasses

import numpy as np

from pipelines.geometry import frames
from pipelines.normalise import border_level
from udl_tf.registration.pyramid import Pyramid

SIDE = 128  # pixels, at least, of the shorter side at the level that is looked at: the aligner reduces the rest


@dataclasses.dataclass(frozen=True)
class Proposal:
    """Rigid transforms of n pairs at the resolution of the pictures.

    Attributes:
        angle: (n,) degrees. shift: (n, 2) pixels. score: (n,), the aligner's.
    """

    angle: np.ndarray
    shift: np.ndarray
    score: np.ndarray


def propose(aligner, fixed: list[Pyramid], moving: list[Pyramid], whole: bool = False) -> Proposal:
    """Ask an aligner about pairs of pictures.

    Args:
        aligner: `udl_tf.alignment.aligner.Aligner`.
        fixed, moving: as many of both, the fixed ones of one size and the moving ones of one size.
        whole: all of the pictures, in a square of their longest side, instead of the largest square in the middle of both.
    """
    sizes = fixed[0].size, moving[0].size
    level = max(0, int(np.floor(np.log2(min(*sizes[0], *sizes[1]) / SIDE))))
    arrays = [[one.level(level) for one in side] for side in (fixed, moving)]
    sides = [side for array in (arrays[0][0], arrays[1][0]) for side in array.shape]
    side = max(sides) if whole else min(sides)
    squares = [np.stack([_square(array, side) for array in group]) for group in arrays]
    found = aligner.align(*squares, report=False)
    good = np.isfinite(found.angle)
    angle = np.where(good, found.angle, 0.0).astype(np.float64)
    shift = np.where(good[:, None], found.shift, 0.0).astype(np.float64) * 2.0**level
    middles = [_middle(group[0].shape, side, level, size) for group, size in zip(arrays, sizes)]
    return Proposal(angle, frames.moved_centres(angle, shift, *middles), np.where(good, found.score, 0.0).astype(np.float64))


def _corner(shape, side):
    """Row and column of the first pixel of the square in an array; negative where the square is larger."""
    return [(length - side) // 2 for length in shape]


def _square(array, side):
    """The square of `side` pixels in the middle of an array (height, width), what is missing at the level of its border."""
    array = np.asarray(array, np.float32)
    square = np.full((side, side), border_level(array[None])[0], np.float32)
    into, out = zip(*((slice(max(0, -c), max(0, -c) + min(n, side)), slice(max(0, c), max(0, c) + min(n, side)))
                      for c, n in zip(_corner(array.shape, side), array.shape)))  # fmt: skip
    square[into] = array[out]
    return square


def _middle(shape, side, level, size):
    """The middle (x, y) of that square in pixels of the picture, from the picture's centre."""
    corner = np.array(_corner(shape, side)[::-1], np.float64)
    return 2.0**level * (corner + side / 2.0) - 0.5 - frames.centre(size)

"""Planes across the sections of a volume, and planes of the sections that are made to look as if they were such.

A reslice has a row for each of `side` sections that follow one another. Where these lie further apart than pixels, a plane of one
section is thinned to be like it: its rows lie as many pixels apart. Sections are smoothed by a Gaussian first, so that what was
resampled by parts of a pixel is not told by its noise; reslices are smoothed along the volume, too, by as many pixels.
"""

import collections
from collections.abc import Callable

import cv2
import numpy as np
import tensorflow as tf

from pipelines.geometry import conventions, frames, sampling

BLUR = 1.0  # pixels, standard deviation
TAPS = 3  # sections on each side, of the Gaussian along the volume
PAD, INSET = 4, 4  # pixels around a window that are read as well; and between it and the border of the frame
WINDOW = 160  # pixels, side of the squares of which reslices and planes are cut
LARGE, MOST_USES = 2**18, 16  # pixels of a section of which blocks are used more than once, as they take long to read

# first: number of the first section. windows: float32 (side, height, width), of each section from where it shows what belongs
# there. corner: float32 (side, 2), place x, y of the window's first pixel in its section. origin: (2,), that in the frame.
Block = collections.namedtuple("Block", "first windows corner origin")
# lines: float32 (batch, side, 2) in the frame, from its centre. places: float32 (batch, side, side, 2) of planes, in a window.
# section: int32 (batch,), of the block, that a plane is of. flip: bool (2, batch, 1, 1), along and across the volume.
Places = collections.namedtuple("Places", "lines places section flip")


def least_sides(side: int, ratio: float) -> int:
    """Pixels that a section must have along both axes, for planes of `side` rows `ratio` pixels apart."""
    return max(int(np.ceil((side - 1) * ratio)), side) + 2 + 2 * INSET


class Reslices:
    """Draws blocks of sections, and places in them.

    Args:
        read: from a number to a section (height, width). count: sections. size: (height, width).
        known: (count,) bool, which show something. ratio: pixels from a section to the next. side: sections of a block.
        batch: reslices, and planes, at a time. rng: makes what is drawn.
    """

    def __init__(self, read: Callable, count: int, size, known, ratio: float, side: int, batch: int, rng: np.random.Generator):
        self._read, self._count, self._size, self._known, self._rng = read, count, size, known, rng
        self._ratio, self._side, self._batch = ratio, side, batch
        self._window = min(max(WINDOW, least_sides(side, ratio)), min(size) - 2 * INSET)
        self._smooth = _gaussian(BLUR / ratio)
        self._uses, self._left = max(1, min(MOST_USES, size[0] * size[1] // LARGE)), 0

    def block(self, angle: np.ndarray, shift: np.ndarray) -> Block:
        """Sections that follow one another; angle: (count,), shift: (count, 2), where they lie now."""
        if self._left == 0:
            first = int(self._rng.integers(self._count - self._side + 1))
            self._first, self._sections = first, [self._read(first + k) for k in range(self._side)]
            self._left = self._uses
        self._left -= 1
        first = self._first
        rows = slice(first, first + self._side)
        origin = np.array([self._rng.integers(INSET, side - self._window - INSET + 1) for side in self._size[::-1]])
        middle = np.append(origin + (self._window - 1) / 2.0, 1.0)
        places = (frames.pixel_maps(angle[rows], shift[rows], self._size, self._size) @ middle)[:, :2]
        wide = self._window + 2 * PAD
        corner = np.rint(places - (wide - 1) / 2.0).astype(int)
        windows = np.stack([_cut(section, one, wide) for section, one in zip(self._sections, corner)])
        return Block(first, windows, np.float32(corner), origin)

    def places(self, block: Block) -> Places:
        """Of `batch` reslices, one half along x and the other along y, and as many planes."""
        batch, side, rng, half = self._batch, self._side, self._rng, self._batch // 2
        along = rng.uniform(0, self._window - side, batch)[:, None] + np.arange(side)
        across = np.broadcast_to(rng.uniform(0, self._window - 1, batch)[:, None], (batch, side))
        lines = np.stack([along, across], -1)
        lines[half:] = lines[half:, :, ::-1].copy()
        thinned = self._ratio * np.arange(side)
        down = (rng.uniform(0, self._window - 1 - thinned[-1], batch)[:, None] + thinned)[:, :, None]
        right = (rng.uniform(0, self._window - side, batch)[:, None] + np.arange(side))[:, None]
        places = np.stack(np.broadcast_arrays(right, down), -1)
        places[half:] = places[half:, :, :, ::-1].copy()
        good = np.flatnonzero(self._known[block.first : block.first + side])
        section = rng.choice(good if len(good) else side, batch)
        flip = rng.integers(0, 2, (2, batch, 1, 1)).astype(bool)
        lines = lines + block.origin - frames.centre(self._size)
        return Places(np.float32(lines), np.float32(places + PAD), np.int32(section), flip)

    def cut(self, windows: tf.Tensor, corner: tf.Tensor, lines: tf.Tensor, angle: tf.Tensor, shift: tf.Tensor) -> tf.Tensor:
        """Reslices (batch, sections, pixels) along lines, differentiable in angle (side,) and shift (side, 2) of the sections."""
        points = tf.reshape(lines, (1, -1, 2)) - shift[:, None]
        points = conventions.rotate_points(-angle[:, None], points) + np.float32(frames.centre(self._size)) - corner[:, None]
        values = sampling.at_pixels(windows, points[..., 0], points[..., 1], "reflect")  # (sections, batch pixels)
        values = tf.transpose(tf.reshape(values, (self._side, self._batch, self._side)), (1, 0, 2))
        wide = tf.pad(values, ((0, 0), (TAPS, TAPS), (0, 0)), "SYMMETRIC")
        return tf.add_n([weight * wide[:, k : k + self._side] for k, weight in enumerate(self._smooth) if weight > 1e-4])

    def thinned(self, windows: tf.Tensor, section: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
        """Planes (batch, rows, pixels) of single sections, at places (batch, rows, pixels, 2)."""
        points = tf.reshape(places, (self._batch, -1, 2))
        values = sampling.at_pixels(tf.gather(windows, section), points[..., 0], points[..., 1], "reflect")
        return tf.reshape(values, (self._batch, self._side, self._side))


def _cut(section, corner, wide):
    """A square of a section from a corner x, y, smoothed, mean 0, standard deviation 1; beyond the border that is repeated."""
    rows, columns = (np.clip(np.arange(start, start + wide), 0, side - 1) for start, side in zip(corner[::-1], section.shape))
    window = cv2.GaussianBlur(np.nan_to_num(np.float32(section[np.ix_(rows, columns)])), (0, 0), BLUR)
    spread = float(window.std())
    return (window - window.mean()) / (spread if spread > 1e-6 * float(np.abs(window).max()) else 1.0)


def _gaussian(sigma):
    weights = np.exp(-0.5 * np.square(np.arange(-TAPS, TAPS + 1) / max(sigma, 1e-3)))
    return [float(weight) for weight in weights / weights.sum()]

"""What is looked at in each section, beside its neighbours: numbers that a fault changes, and which of them are out of line."""

import collections
import dataclasses
from collections.abc import Callable

import cv2
import numpy as np

BLOCK = 24  # pixels, of the squares that are compared
LARGEST = 512  # pixels, longer side of what is compared: larger sections are reduced
FLAT = 0.12  # of the usual deviation within a block: less is nothing
LIKE = 0.5  # of the usual likeness of a place: less is another thing
BRIGHT = 1.5  # times the change in brightness that one block in ten has: more is another thing, too
NEAR = 2  # sections on both sides that one may resemble
WIDE = 9  # sections around one that say what is usual there
SPREAD = 6.0  # robust standard deviations from it: out of line
FEW, FEW_OF_NORMAL = 0.3, 0.385  # a quantile that many faults do not reach, and where it lies for normal values


@dataclasses.dataclass(frozen=True)
class Checks:
    """Numbers of n sections.

    Attributes:
        flat: share of the blocks that show nothing. change: mean difference from the section before, grey values; the first one's
            is infinite. fine: of detail, standard deviation of the finest band. contrast: standard deviation. level: mean.
        unlike: share of the blocks that resemble none of the neighbours. blocks: how many there are in a section.
    """

    flat: np.ndarray
    change: np.ndarray
    fine: np.ndarray
    contrast: np.ndarray
    level: np.ndarray
    unlike: np.ndarray
    blocks: int


def check_sections(read: Callable[[int], np.ndarray], count: int) -> Checks:
    """Look at all sections, a few at a time.

    Args:
        read: from a number to a section (height, width), roughly in place. count: sections.
    """
    window, before = collections.deque(maxlen=NEAR + 1), None
    likeness, change_of = [None] * count, [None] * count  # of each block, with the neighbour that resembles it most
    rows = []
    for number in range(count):
        section = np.float32(read(number))
        change = np.inf if before is None else float(np.abs(section - before).mean())
        fine = float(cv2.Laplacian(section, cv2.CV_32F)[1:-1, 1:-1].std())
        small = _reduced(section)
        blocks = _blocks(cv2.GaussianBlur(small, (0, 0), 1.5))
        rows.append((change, fine, float(section.std()), float(section.mean()), _blocks(small).std(-1)))
        window.append((number, _normalised(blocks), blocks.mean(-1)))
        for other, theirs, brightness in list(window)[:-1]:
            same, away = (window[-1][1] * theirs).sum(-1), np.abs(window[-1][2] - brightness)
            for one in (number, other):
                likeness[one] = same if likeness[one] is None else np.maximum(likeness[one], same)
                change_of[one] = away if change_of[one] is None else np.minimum(change_of[one], away)
        before = section
    change, fine, contrast, level = (np.array([row[k] for row in rows]) for k in range(4))
    deviation = np.array([row[4] for row in rows])  # (n, blocks)
    flat = (deviation < FLAT * np.median(deviation)).mean(1)
    likeness = np.array(likeness)
    least = LIKE * np.tile(np.median(likeness, axis=0), (count, 1))
    least[[0, -1]] *= 0.5  # they have neighbours on one side only
    brightness = np.array(change_of)
    unlike = (likeness < least) | (brightness > BRIGHT * np.quantile(brightness, 0.9))
    return Checks(flat, change, fine, contrast, level, unlike.mean(1), likeness.shape[1])


def out_of_line(values: np.ndarray, least: float) -> np.ndarray:
    """How far values (n,) lie from what is usual around them, in units of what is too far: beyond 1 or -1 they are out of line.

    Too far is `SPREAD` robust standard deviations, and `least` at any rate.
    """
    half = min(WIDE, len(values)) // 2
    windows = [values[max(0, k - half) : k + half + 1] for k in range(len(values))]
    away = values - np.array([np.median(window) for window in windows])
    return away / max(SPREAD * float(np.quantile(np.abs(away), FEW)) / FEW_OF_NORMAL, least)


def _reduced(section):
    scale = LARGEST / max(section.shape)
    return section if scale >= 1.0 else cv2.resize(section, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _blocks(section):
    """(blocks, pixels) of a section."""
    side = min(BLOCK, *section.shape)
    down, right = (length // side for length in section.shape)
    part = section[: down * side, : right * side].reshape(down, side, right, side)
    return part.transpose(0, 2, 1, 3).reshape(down * right, side * side)


def _normalised(blocks):
    """Blocks of mean 0 and length 1; zeros where they show nothing."""
    blocks = blocks - blocks.mean(-1, keepdims=True)
    length = np.linalg.norm(blocks, axis=-1, keepdims=True)
    return np.where(length > 1e-3, blocks / np.maximum(length, 1e-3), 0.0)

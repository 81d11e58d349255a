"""Which sections of a volume are missing, damaged or doubled: a registry of what to look for, and the search."""

from collections.abc import Callable

import numpy as np

from udl_tf.volumes.section_checks import Checks, check_sections, out_of_line

LOST, UNLIKE = 0.04, 0.06  # share of the blocks
CHANCE = 3.0  # standard deviations of a count
ALONE = 3.0  # times as much, see `_unlike`
SAME, DULL, PALE, DARK = 0.35, 0.45, 0.35, 0.8  # of the usual change; natural logarithms; of the usual contrast


def _nothing(checks):
    return (checks.flat > 0.5) | (checks.contrast < 1e-6)


def _partly_lost(checks):
    return out_of_line(checks.flat, LOST) > 1.0


def _doubled(checks):
    return checks.change < SAME * np.median(checks.change)


def _blurred(checks):
    return out_of_line(_log(checks.fine), DULL) < -1.0


def _another_contrast(checks):
    level = checks.level / np.median(checks.contrast)
    return (np.abs(out_of_line(_log(checks.contrast), PALE)) > 1.0) | (np.abs(out_of_line(level, DARK)) > 1.0)


def _unlike(checks):
    """Between two sections that are faulty themselves a good one has nothing near that it could resemble: more is asked of it."""
    usual = max(float(np.median(checks.unlike)), 1.0 / checks.blocks)
    chance = CHANCE * np.sqrt(usual * (1.0 - usual) / checks.blocks)  # of few blocks some are unlike by chance
    over = out_of_line(checks.unlike, UNLIKE + chance)
    strange = np.concatenate([[True], (over > 1.0) | _nothing(checks) | _partly_lost(checks), [True]])
    return over > np.where(strange[:-2] & strange[2:], ALONE, 1.0)


def _log(values):
    return np.log(np.maximum(values, 1e-6))


# What is said of a section -> from `Checks` to which sections it is true of. The first that is true is told.
SIGNS: dict[str, Callable[[Checks], np.ndarray]] = {
    "shows nothing": _nothing,
    "the same as the one before": _doubled,
    "partly lost": _partly_lost,
    "blurred": _blurred,
    "torn, folded or dirty: unlike its neighbours": _unlike,
    "another contrast": _another_contrast,
}


def find_faults(read: Callable[[int], np.ndarray], count: int) -> dict[int, str]:
    """Numbers from 0 of the sections that something is wrong with, and what.

    Args:
        read, count: see `check_sections`; three sections or more, most of them good.
    """
    checks, found = check_sections(read, count), {}
    for what, sign in SIGNS.items():
        for number in np.flatnonzero(sign(checks)):
            found.setdefault(int(number), what)
    return dict(sorted(found.items()))

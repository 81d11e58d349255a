"""Pairs of picture files that show the same: two folders whose names match, or a CSV file that lists them."""

import csv
import pathlib

import numpy as np

from pipelines.errors import InputError
from pipelines.files.gallery import picture_paths
from pipelines.files.grey import fit_square
from pipelines.files.opening import PICTURES
from pipelines.files.single import open_single

COLUMNS = ("fixed", "moving")
SUFFIXES = (*PICTURES, ".mrc")


def named_alike(fixed, moving):
    """Pairs of files of two folders, by their names without ending.

    Args:
        fixed, moving: folders; files of other kinds, and those that begin with a dot, are passed over.

    Returns:
        (list of (path, path), a line about files without a partner or "").

    Raises:
        InputError: no such folder, two files of one name in a folder, or no name that is in both.
    """
    ours, theirs = _by_name(fixed), _by_name(moving)
    both = sorted(ours.keys() & theirs.keys())
    if not both:
        raise InputError(f"no file of {fixed} has the name of one of {moving}: expected pairs such as a.tif and a.png")
    alone = (len(ours) - len(both), len(theirs) - len(both))
    notice = f"passed over {alone[0]} file(s) of {fixed} and {alone[1]} of {moving} without a partner" if any(alone) else ""
    return [(ours[name], theirs[name]) for name in both], notice


def listed(path):
    """The pairs of a CSV file with columns ``fixed`` and ``moving``: list of (path, path), relative ones to the file's folder.

    Raises:
        InputError: no such file, other columns, or no row.
    """
    path = pathlib.Path(path)
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            rows, names = list(table), table.fieldnames or []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not set(COLUMNS) <= set(names):
        raise InputError(f"{path} has the columns {', '.join(names) or 'of no name'}: expected {' and '.join(COLUMNS)}")
    if not rows:
        raise InputError(f"{path} has no row: expected a pair of paths in each")
    for number, row in enumerate(rows, 2):
        if not all(row[name] for name in COLUMNS):
            raise InputError(f"{path}, line {number}: expected two paths")
    return [tuple(str(path.parent / row[name]) for name in COLUMNS) for row in rows]


def squares(paths, side):
    """The central square of each picture, grey, resampled: float32 (n, side, side).

    Raises:
        InputError: a file is not there, holds several images, or one that is constant or not finite.
    """
    return np.stack([fit_square(open_single(path).read([0])[0], side) for path in paths])


def _by_name(folder):
    """{name without ending: path} of a folder's pictures."""
    if not pathlib.Path(folder).is_dir():
        raise InputError(f"{folder}: expected a folder of pictures")
    found = {}
    for path in picture_paths(folder, SUFFIXES):
        if path.stem in found:
            raise InputError(f"{found[path.stem]} and {path} have one name: expected one picture of a name")
        found[path.stem] = str(path)
    return found

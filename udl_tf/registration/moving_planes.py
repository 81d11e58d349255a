"""The planes of a file brought to where transforms take them, one after the other, and the part that all of them show."""

from collections.abc import Iterator

import numpy as np

from pipelines.files.transforms.table import TransformTable
from udl_tf.registration.movie import Movie
from udl_tf.registration.warping import shown, warp_planes

WHOLE = (slice(None), slice(None))


def moved_planes(movie: Movie, table: TransformTable, fill: float | None = None, crop=WHOLE) -> Iterator[np.ndarray]:
    """Planes (height, width) or (height, width, samples) in the order of the file, of its type.

    Args:
        movie: `Movie`. table: as many transforms as it has pictures. fill: see `warp_planes`.
        crop: slices of rows and columns of the fixed frame that are kept.
    """
    for number, index in enumerate(movie.pictures_of_planes):
        yield moved_plane(movie.array.planes([number])[0], table, index, fill)[crop]


def moved_plane(plane: np.ndarray, table: TransformTable, index: int, fill: float | None = None) -> np.ndarray:
    """One plane (height, width) or (height, width, samples) by one transform of a table."""
    layers = plane[None] if plane.ndim == 2 else np.moveaxis(plane, -1, 0)
    moved = warp_planes(layers, float(table.angle[index]), table.shift[index], table.fixed, fill)
    return moved[0] if plane.ndim == 2 else np.moveaxis(moved, 0, -1)


def common_part(table: TransformTable) -> tuple[slice, slice]:
    """Rows and columns of a large rectangle of the fixed frame that every picture shows.

    Sides are moved inwards, the one with the largest share of what is missing first. Empty slices where nothing is common.
    """
    there = np.ones(table.fixed, bool)
    for angle, shift in zip(table.angle, table.shift):
        there &= shown(float(angle), shift, table.fixed, table.moving)
    top, bottom, left, right = 0, table.fixed[0], 0, table.fixed[1]
    while top < bottom and left < right:
        part = there[top:bottom, left:right]
        share = [1.0 - side.mean() for side in (part[0], part[-1], part[:, 0], part[:, -1])]
        worst = int(np.argmax(share))
        if share[worst] == 0.0:
            break
        top, bottom, left, right = top + (worst == 0), bottom - (worst == 1), left + (worst == 2), right - (worst == 3)
    return slice(top, max(top, bottom)), slice(left, max(left, right))

"""Transforms as CSV: a line a picture, plain numbers, units in the names of the columns."""

import csv

import numpy as np

from pipelines.errors import InputError
from pipelines.files.transforms.table import TransformTable

SIZES = ("fixed_height", "fixed_width", "moving_height", "moving_width")
VALUES = ("angle_degrees", "dx_pixels", "dy_pixels", "angle_sigma_degrees", "dx_sigma_pixels", "dy_sigma_pixels", "score")
MATRIX = tuple(f"pull_{row}{column}" for row in range(3) for column in range(3))  # see `TransformTable.pull`
COLUMNS = ("name", *VALUES, *MATRIX, *SIZES)


def write(table: TransformTable, path) -> None:
    """Write a table. Turns are about the frames' centres, counter-clockwise; what is not known is empty."""
    columns = np.column_stack(
        [table.angle, table.shift, table.angle_sigma, table.shift_sigma, table.score, table.pull.reshape(-1, 9)]
    )
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for name, row in zip(table.names, columns):
            writer.writerow(
                [name, *(repr(float(value)) if np.isfinite(value) else "" for value in row), *table.fixed, *table.moving]
            )


def read(path) -> TransformTable:
    """Read what `write` wrote; the matrices follow from angle and shift.

    Raises:
        InputError: columns that are missing, values that are no numbers, no lines.
    """
    with open(path, newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    needed = [name for name in ("name", *VALUES, *SIZES) if not lines or name not in lines[0]]
    if needed:
        raise InputError(f"{path}: expected a table with the column {needed[0]}, as register and sections write it")
    try:
        values = np.array([[float(line[name] or "nan") for name in VALUES] for line in lines])
        height, width, other_height, other_width = (int(lines[0][name]) for name in SIZES)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: {error}, expected numbers") from None
    fixed, moving = (height, width), (other_height, other_width)
    names = tuple(line["name"] for line in lines)
    return TransformTable(names, fixed, moving, values[:, 0], values[:, 1:3], values[:, 3], values[:, 4:6], values[:, 6])

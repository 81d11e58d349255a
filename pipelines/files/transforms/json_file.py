"""Transforms as JSON: that of `pipelines.geometry.transforms`, with frames, errors, scores and matrices beside it."""

import json

import numpy as np

from pipelines.errors import InputError
from pipelines.files.transforms.table import TransformTable
from pipelines.geometry.transforms import Rigid, from_json
from pipelines.geometry.transforms.base import plain

MATRIX = "(x, y, 1) of a pixel of the fixed frame, counted from the centre of its first pixel, to that of the moving frame"


def write(table: TransformTable, path) -> None:
    """Write a table."""
    content = {
        **Rigid(table.angle, table.shift).to_json(),
        "frames": {"fixed": list(table.fixed), "moving": list(table.moving), "order": "height, width"},
        "names": list(table.names),
        "sigma": {"angle": plain(table.angle_sigma), "shift": plain(table.shift_sigma)},
        "score": plain(table.score),
        "matrix": {"maps": MATRIX, "values": table.pull.tolist()},
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read(path) -> TransformTable:
    """Read what `write` wrote.

    Raises:
        InputError: something else, or another convention.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path} is not JSON: {error}") from None
    rigid = from_json(content)
    if not isinstance(rigid, Rigid):
        raise InputError(f"{path}: received transforms of the kind {rigid.KIND}, expected rigid")
    try:
        sizes = [tuple(int(side) for side in content["frames"][name]) for name in ("fixed", "moving")]
        sigma = [np.array(content["sigma"][name], np.float64) for name in ("angle", "shift")]
        score = np.array(content["score"], np.float64)
        return TransformTable(tuple(content["names"]), *sizes, rigid.angle, rigid.shift, *sigma, score)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: no file of transforms that register wrote, {error!r} is missing or does not fit") from None

"""Transforms as JSON: that of `pipelines.geometry.transforms`, with frames, errors, scores and matrices beside it."""

import json

import numpy as np

from pipelines.errors import InputError
from pipelines.files.transforms.field_table import DECIMALS, FieldTable
from pipelines.files.transforms.table import TransformTable
from pipelines.geometry import frames
from pipelines.geometry.transforms import Displacement, Rigid, Transform, from_json
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
        **_told(table.provenance),
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def write_plane(transform: Transform, fixed: tuple[int, int], moving: tuple[int, int], name: str, path) -> None:
    """Write one rigid, affine or projective transform of which no errors are known. fixed, moving: (height, width)."""
    to, back = np.eye(3), np.eye(3)
    to[:2, 2], back[:2, 2] = frames.centre(moving), -frames.centre(fixed)
    pull = to @ np.float64(transform.inverse().matrix[0]) @ back
    content = {
        **transform.to_json(),
        "frames": {"fixed": list(fixed), "moving": list(moving), "order": "height, width"},
        "names": [name],
        "matrix": {"maps": MATRIX, "values": [(pull / pull[2, 2]).tolist()]},
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_plane(path) -> tuple[Transform, tuple[int, int], tuple[int, int]]:
    """The transform that `write_plane` wrote, or a pair's that `write` did, and (height, width) of both frames.

    Raises:
        InputError: as `read`; or a field, or more than one row.
    """
    content = _content(path)
    transform, (fixed, moving) = _transform(path, content), _frames(path, content)
    if isinstance(transform, Displacement) or len(transform) != 1:
        raise InputError(f"{path}: received {len(transform)} transforms of the kind {transform.KIND}, expected one of a plane")
    return transform, fixed, moving


def write_fields(table: FieldTable, path) -> None:
    """Write fields of a series, rounded to `DECIMALS`."""
    content = table.fields.to_json()
    content["values"]["field"] = np.round(np.float64(table.fields.field), DECIMALS).tolist()
    content["frames"] = {"fixed": list(table.fixed), "moving": list(table.moving), "order": "height, width"}
    path.write_text(json.dumps({**content, "names": list(table.names), **_told(table.provenance)}) + "\n", encoding="utf-8")


def read_fields(path) -> FieldTable:
    """Read what `write_fields` wrote.

    Raises:
        InputError: something else, another convention, or displacements that are not finite.
    """
    content = _content(path)
    fields = _transform(path, content)
    if not isinstance(fields, Displacement):
        raise InputError(f"{path}: received transforms of the kind {fields.KIND}, expected displacement")
    names = content.get("names")
    if not isinstance(names, list) or len(names) != len(fields) or not np.isfinite(fields.field).all():
        raise InputError(f"{path}: no file of fields that sections wrote, names or finite displacements are missing")
    fixed, moving = _frames(path, content)
    if any(extent < side - 1.0 - 1e-2 for extent, side in zip(fields.extent, fixed)):
        covers, expected = (f"{width:g}x{height:g}" for height, width in (fields.extent, fixed))
        raise InputError(f"{path}: received fields over {covers} pixels, expected the whole frame of {expected}")
    return FieldTable(tuple(map(str, names)), fixed, moving, fields, _provenance(content))


def kind(path) -> str:
    """The kind of the transforms that a file says it holds.

    Raises:
        InputError: no such file, or no JSON.
    """
    content = _content(path)
    return str(content.get("kind")) if isinstance(content, dict) else ""


def read(path) -> TransformTable:
    """Read what `write` wrote.

    Raises:
        InputError: something else, or another convention.
    """
    content = _content(path)
    rigid = _transform(path, content)
    if not isinstance(rigid, Rigid):
        raise InputError(f"{path}: received transforms of the kind {rigid.KIND}, expected rigid")
    sizes = _frames(path, content)
    try:
        sigma = [np.array(content["sigma"][name], np.float64) for name in ("angle", "shift")]
        score = np.array(content["score"], np.float64)
        return TransformTable(tuple(content["names"]), *sizes, rigid.angle, rigid.shift, *sigma, score, _provenance(content))
    except (KeyError, TypeError, ValueError) as error:
        raise _unfit(path, error) from None


def _content(path):
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path} is not JSON: {error}") from None


def _transform(path, content):
    try:
        return from_json(content)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _frames(path, content):
    """(height, width) of the fixed frame and of the moving one."""
    try:
        sizes = [tuple(int(side) for side in content["frames"][name]) for name in ("fixed", "moving")]
        if any(len(size) != 2 or min(size) < 1 for size in sizes):
            raise ValueError(f"frames of {sizes}")
        return sizes
    except (KeyError, TypeError, ValueError) as error:
        raise _unfit(path, error) from None


def _told(provenance):
    return {"provenance": provenance} if provenance else {}


def _provenance(content):
    found = content.get("provenance")
    return found if isinstance(found, dict) else None


def _unfit(path, error):
    return InputError(f"{path}: no file of transforms that register or sections wrote, {error!r} is missing or does not fit")

"""Sections moved by transforms that are known: those just found, or saved ones."""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from pipelines.errors import InputError
from pipelines.files.lazy import LazyArray
from pipelines.files.transforms.field_table import DECIMALS, FieldTable
from pipelines.files.transforms.registry import read_any
from pipelines.files.transforms.table import TransformTable
from pipelines.files.volumes import write_volume
from pipelines.geometry.transforms import Displacement, Rigid, compose
from udl_tf.chunks.store import ChunkStore
from udl_tf.registration.placing import placed
from udl_tf.registration.warping import warp_planes
from udl_tf.volumes.elastic import SectionFields, align_fields
from udl_tf.volumes.section_readers import PlacedReader, SectionReader


def apply(array: LazyArray, transforms, output) -> int:
    """Move the sections of an array by saved transforms and write them; these follow where its pixels are finer or coarser.

    Returns:
        The number of sections.

    Raises:
        InputError: another number of sections, or another shape of them, than the transforms are of.
    """
    table = read_any(transforms)
    size, count = array.shape[-2:], array.plane_count
    if len(table) != count:
        raise InputError(f"{array.path} holds {count} sections: expected {len(table)}, as many as {transforms} has transforms")
    scale = np.array(size) / np.array(table.moving)
    if abs(scale[0] / scale[1] - 1.0) > 0.01:
        found, expected = (f"{side[1]}x{side[0]}" for side in (size, table.moving))
        raise InputError(f"{array.path}: sections of {found} pixels, expected {expected}, or the same field in other pixels")
    write_volume(output, moved_sections(array, _scaled(table, size, float(scale.mean()))), array)
    return count


def moved_sections(array: LazyArray, table: TransformTable | FieldTable) -> Iterator[np.ndarray]:
    """The sections of an array, each by its transform, in the array's type; each is resampled once."""
    for number in range(array.plane_count):
        planes = array.planes([number])
        if isinstance(table, FieldTable):
            yield placed(planes[0], table.fields[number], table.fixed)
        else:
            yield warp_planes(planes, float(table.angle[number]), table.shift[number])[0]


def check_bendable(array: LazyArray, spacing: float) -> None:
    """InputError where `with_fields` could tell nothing of an array's sections, with nodes `spacing` pixels apart."""
    if array.plane_count < 3:
        raise InputError(
            f"{array.path} holds {array.plane_count} sections: expected three or more, of fewer nobody can tell a bend"
        )
    shorter = min(array.shape[-2:])
    if spacing > shorter:
        raise InputError(
            f"{array.path}: nodes {spacing:g} pixels apart, expected {shorter} at most, the shorter side of the sections"
        )


def with_fields(
    array: LazyArray,
    table: TransformTable,
    spacing: float,
    failed: np.ndarray,
    tell: Callable[[int, int], None],
    store: ChunkStore | None = None,
    executor=None,
) -> tuple[FieldTable, SectionFields]:
    """The rigid transforms of an array's sections and, after them, the fields of `align_fields`, in one field each.

    Args:
        spacing: pixels between nodes. failed: numbers of sections that are not moved. tell, store, executor: see `align_fields`.
    """
    size, known = table.fixed, np.ones(len(table), bool)
    known[failed] = False

    read = PlacedReader(SectionReader(array), table.angle, table.shift, size)
    found = align_fields(read, len(table), spacing, known, tell, store, executor)
    # At the field's own nodes nothing is lost: what is bilinear between them is so still, turned and moved.
    total = compose(Rigid(table.angle, table.shift), Displacement(found.field, spacing), spacing)
    total = dataclasses.replace(total, field=np.round(np.float64(total.field), DECIMALS))  # what is written is what is applied
    return FieldTable(table.names, size, size, total, table.provenance), found


def _scaled(table, size, scale):
    """The transforms of sections of `size`, whose pixels are `scale` times as many along an axis."""
    if isinstance(table, FieldTable):
        fields = dataclasses.replace(table.fields, field=table.fields.field * scale, spacing=table.fields.spacing * scale)
        return FieldTable(table.names, size, size, fields)
    return TransformTable.of(table.names, size, size, table.angle, table.shift * scale)

"""The formats of files of transforms by name. To add one: its file beside this one, and an entry here."""

import dataclasses
import pathlib
from collections.abc import Callable

from pipelines.errors import InputError
from pipelines.files.atomic import atomic_path
from pipelines.files.transforms import csv_file, itk_file, json_file, matrices
from pipelines.files.transforms.field_table import FieldTable
from pipelines.files.transforms.table import TransformTable
from pipelines.geometry.transforms import Displacement


@dataclasses.dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        endings: of its files; those of the first format with an ending are written in it unless told otherwise.
        write: from a table and a `pathlib.Path`. read: from a path to a table, or None where it cannot be read back.
    """

    endings: tuple[str, ...]
    write: Callable
    read: Callable | None = None


FORMATS = {
    "json": Format((".json",), json_file.write, json_file.read),
    "csv": Format((".csv",), csv_file.write, csv_file.read),
    "itk": Format((".tfm", ".txt"), itk_file.write),
    "skimage": Format((".npy",), matrices.write_skimage),
    "opencv": Format((".npy",), matrices.write_opencv),
}


def format_of(path, name: str | None = None) -> Format:
    """The format of a name, or of a path's ending.

    Raises:
        InputError: an ending that is none, or not of that name's format.
    """
    suffix = pathlib.Path(path).suffix.lower()
    endings = [ending for one in FORMATS.values() for ending in one.endings]
    if name is None:
        name = next((key for key, one in FORMATS.items() if suffix in one.endings), None)
    if name is None or suffix not in FORMATS[name].endings:
        expected = FORMATS[name].endings if name else dict.fromkeys(endings)
        raise InputError(f"transforms {path}: expected a name that ends with {' or '.join(expected)}")
    return FORMATS[name]


def write_transforms(table: TransformTable, path, name: str | None = None) -> None:
    """Write a table in the format of a name, or of the path's ending; the file appears when it is whole."""
    chosen = format_of(path, name)
    with atomic_path(path) as part:
        chosen.write(table, part)


def read_transforms(path) -> TransformTable:
    """Read a table of a format that can be read back.

    Raises:
        InputError: not there, another format, or content that does not fit.
    """
    path, chosen = pathlib.Path(path), format_of(path)
    if chosen.read is None:
        readable = [ending for one in FORMATS.values() if one.read for ending in one.endings]
        raise InputError(f"transforms {path}: expected a file that ends with {' or '.join(readable)}, others only are written")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    return chosen.read(path)


def check_fields(path) -> None:
    """InputError where the name is none of a file that can hold fields."""
    if pathlib.Path(path).suffix.lower() not in FORMATS["json"].endings:
        raise InputError(f"transforms {path}: expected a name that ends with .json, others hold no displacement fields")


def write_field_table(table: FieldTable, path) -> None:
    """Write fields of a series; the file appears when it is whole."""
    check_fields(path)
    with atomic_path(path) as part:
        json_file.write_fields(table, part)


def read_any(path) -> TransformTable | FieldTable:
    """Read what `write_transforms` or `write_field_table` wrote; InputError as `read_transforms`."""
    path = pathlib.Path(path)
    if path.suffix.lower() in FORMATS["json"].endings and json_file.kind(path) == Displacement.KIND:
        return json_file.read_fields(path)
    return read_transforms(path)

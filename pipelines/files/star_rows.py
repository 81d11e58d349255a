"""Where the images of a table are, and their CTFs, in a small file: what a worker needs of a table of a million rows.

A table is read in many seconds and takes hundreds of megabytes; these numbers are read in a tenth of a second, at 70 bytes a row.
"""

import dataclasses
import json
import pathlib
import zipfile

import numpy as np

from pipelines.errors import InputError
from pipelines.files.atomic import atomic_path
from pipelines.files.mrc import MrcStack
from pipelines.files.star_ctf import CtfParameters
from pipelines.files.star_images import StackedArray, StarArray


@dataclasses.dataclass(frozen=True, eq=False)
class StarRows:
    """What is left of a `StarTable`: pixel sizes (n,) Angstrom, and the `CtfParameters` or None."""

    sizes: np.ndarray
    parameters: CtfParameters | None

    def pixel_sizes(self):
        """As of `StarTable`."""
        return self.sizes

    def ctf_parameters(self):
        """As of `StarTable`."""
        return self.parameters


def save_rows(array: StarArray, path, ctf: bool = True) -> pathlib.Path:
    """Write what `RowsArray` reads; the file appears when it is whole.

    Args:
        array: of a table. path: of the new file. ctf: keep the CTFs; they are looked at only then.
    """
    known = array.star.ctf_parameters() if ctf else None
    about = {"table": str(array.path), "files": [str(file) for file in array.files[1:]], "pixel_size": array.pixel_size}
    parts = {} if known is None else {f"ctf_{field.name}": getattr(known, field.name) for field in dataclasses.fields(known)}
    with atomic_path(path) as part, open(part, "wb") as file:
        text = np.frombuffer(json.dumps(about).encode(), np.uint8)
        np.savez(file, about=text, stack=array.file.astype(np.int32), row=array.row.astype(np.int32), **parts)
    return pathlib.Path(path)


class RowsArray(StackedArray):
    """The images of a table without the table: "IYX", float32. `star` is a `StarRows`.

    Raises:
        InputError: the file is gone or damaged.
    """

    def __init__(self, path):
        try:
            with np.load(path, allow_pickle=False) as kept:
                about, found = json.loads(bytes(kept["about"])), {name: kept[name] for name in kept.files}
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise InputError(f"{path}: the rows that were kept for the workers cannot be read ({error})") from error
        fields = dataclasses.fields(CtfParameters)
        known = CtfParameters(*(found[f"ctf_{field.name}"] for field in fields)) if "ctf_voltage" in found else None
        self.star = StarRows(np.full(len(found["row"]), about["pixel_size"]), known)
        stacks = [MrcStack(file) for file in about["files"]]
        super().__init__(about["table"], stacks, found["stack"], found["row"], about["pixel_size"])

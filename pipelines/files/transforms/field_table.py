"""Displacement fields of a series of pictures, as files hold them."""

import dataclasses

from pipelines.geometry.transforms import Displacement

DECIMALS = 4  # of a pixel, that files hold


@dataclasses.dataclass(frozen=True)
class FieldTable:
    """Fields that bring each of n pictures into the frame of one.

    Attributes:
        names: of the pictures, n. fixed, moving: (height, width) of the frames. fields: `Displacement` of n rows, from centre to
            centre. provenance: plain values that say where they come from; None: nothing is told.
    """

    names: tuple[str, ...]
    fixed: tuple[int, int]
    moving: tuple[int, int]
    fields: Displacement
    provenance: dict | None = None

    def __len__(self) -> int:
        return len(self.fields)

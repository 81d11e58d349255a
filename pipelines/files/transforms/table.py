"""Rigid transforms of a series of pictures, or of one pair, as files hold them."""

import dataclasses

import numpy as np

from pipelines.geometry import frames


@dataclasses.dataclass(frozen=True)
class TransformTable:
    """Transforms of n pictures into the frame of one, conventions of `pipelines.geometry.frames`.

    Attributes:
        names: of the pictures, n. fixed, moving: (height, width) of the frames.
        angle: (n,) degrees. shift: (n, 2) pixels.
        angle_sigma: (n,) degrees. shift_sigma: (n, 2) pixels. score: (n,). NaN where unknown.
        provenance: plain values that say where they come from, kept by JSON alone; None: nothing is told.
    """

    names: tuple[str, ...]
    fixed: tuple[int, int]
    moving: tuple[int, int]
    angle: np.ndarray
    shift: np.ndarray
    angle_sigma: np.ndarray
    shift_sigma: np.ndarray
    score: np.ndarray
    provenance: dict | None = None

    def __len__(self) -> int:
        return len(self.angle)

    @classmethod
    def of(cls, names, fixed, moving, angle, shift) -> "TransformTable":
        """Transforms of which nothing else is known."""
        unknown = np.full(len(angle), np.nan)
        return cls(tuple(names), tuple(fixed), tuple(moving), angle, shift, unknown, np.stack([unknown] * 2, 1), unknown)

    @property
    def pull(self) -> np.ndarray:
        """Maps (n, 3, 3) from pixels (x, y) of the fixed frame, counted from its first one's centre, to the moving one's."""
        return frames.pixel_maps(self.angle, self.shift, self.fixed, self.moving)

    @property
    def push(self) -> np.ndarray:
        """Maps (n, 3, 3) from pixels of the moving frame to the fixed one's: the inverses of `pull`."""
        return np.linalg.inv(self.pull)

    def inverse(self) -> "TransformTable":
        """The transforms that bring fixed onto moving; what is known of their errors stays the angle's."""
        angle, shift = frames.inverse(self.angle, self.shift)
        return dataclasses.replace(self, fixed=self.moving, moving=self.fixed, angle=angle, shift=shift)

"""What an alignment gives back."""

from __future__ import annotations

import collections.abc
import dataclasses

import numpy as np

from pipelines.errors import InputError
from pipelines.geometry.transforms import Rigid
from udl_tf.alignment import outputs

FIELDS = dataclasses.make_dataclass("FIELDS", [(one.name, np.ndarray) for one in outputs.OUTPUTS], frozen=True)


class Result(FIELDS):
    """Rigid transforms that bring each moving image onto its fixed one (conventions: `pipelines.geometry`).

    Attributes are arrays of n pairs:
    """

    __doc__ = __doc__.rstrip() + "".join(f"\n        {one.described}" for one in outputs.OUTPUTS)
    __doc__ += "\n\n    A pair with an image that is not finite or constant has "
    __doc__ += ", ".join(f"{one.name} {one.missing:g}" for one in outputs.OUTPUTS) + ".\n    "

    def __len__(self) -> int:
        return len(self.angle)

    @classmethod
    def joined(cls, parts: collections.abc.Sequence[Result]) -> Result:
        """One result of several, in order."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in dataclasses.fields(cls)))

    def as_json(self) -> dict:
        """{name: list of n} of plain numbers; None where a number is not finite."""
        return outputs.as_json(vars(self))

    def apply(self, moving: np.ndarray) -> np.ndarray:
        """Moving images (n, h, w), or one (h, w) where n = 1, turned and shifted onto their fixed ones: float32, same shape."""
        images = np.asarray(moving, np.float32)
        batch = images[None] if images.ndim == 2 else images
        if batch.ndim != 3 or len(batch) != len(self):
            raise InputError(f"moving of shape {images.shape}: expected ({len(self)}, height, width)")
        return self.transform.warp(batch).reshape(images.shape)

    @property
    def transform(self) -> Rigid:
        """The transforms of all pairs; NaN where a pair cannot be aligned."""
        return Rigid(self.angle, self.shift)

"""What an alignment gives back."""

import dataclasses

import numpy as np

from pipelines.errors import InputError
from pipelines.geometry.warp import warp


@dataclasses.dataclass(frozen=True)
class Result:
    """Rigid transforms that bring each moving image onto its fixed one (conventions: `pipelines.geometry`).

    Attributes:
        angle: (n,) degrees in [-180, 180), counter-clockwise as displayed.
        shift: (n, 2) pixels, dx to the right and dy down, after the turn.
        score: (n,) in [0, 1], probability that the angle is within 5 degrees of the truth, modulo 360 / symmetry.
        sigma: (n,) degrees, standard error of the angle, given that it is not grossly wrong.
        symmetry: (n,) int32, m where the pair agrees as well after turns by 360 / m degrees, else 1.

    Pairs with an image that is not finite or constant have angle and shift NaN, score 0, sigma infinity and symmetry 1.
    """

    angle: np.ndarray
    shift: np.ndarray
    score: np.ndarray
    sigma: np.ndarray
    symmetry: np.ndarray

    def __len__(self):
        return len(self.angle)

    @classmethod
    def joined(cls, parts):
        """One result of several, in order."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in dataclasses.fields(cls)))

    def apply(self, moving):
        """Moving images (n, h, w), or one (h, w) where n = 1, turned and shifted onto their fixed ones: float32, same shape."""
        images = np.asarray(moving, np.float32)
        batch = images[None] if images.ndim == 2 else images
        if batch.ndim != 3 or len(batch) != len(self):
            raise InputError(f"moving of shape {images.shape}: expected ({len(self)}, height, width)")
        aligned = warp(batch, np.nan_to_num(self.angle), np.nan_to_num(self.shift)).numpy()
        return aligned.reshape(images.shape)

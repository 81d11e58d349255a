"""What a registration gives back."""

import dataclasses
import typing

import numpy as np

from pipelines.geometry.transforms import Rigid

SURE, SLOPE = 5.2, 2.0  # of the agreement: where half of the answers are right, and how fast that changes

PER_PAIR = ("angle", "shift", "covariance", "score", "correlation", "overlap")


@dataclasses.dataclass(frozen=True)
class Registration:
    """Rigid transforms that bring each of n moving pictures onto its fixed one, conventions of `pipelines.geometry.frames`.

    Attributes:
        angle: (n,) degrees counter-clockwise as displayed. shift: (n, 2) pixels, dx to the right and dy down, after the turn.
        covariance: (n, 3, 3) of angle, dx, dy; infinite where nothing is known.
        score: (n,) in [0, 1], probability that the transform is not grossly wrong: the aligner's, lowered where the pictures do
            not agree at their own resolution.
        correlation: (n,) of the overlap at full resolution, after a light blur. overlap: (n,) share of the smaller frame.
        fixed, moving: (height, width) of the frames.
    """

    angle: np.ndarray
    shift: np.ndarray
    covariance: np.ndarray
    score: np.ndarray
    correlation: np.ndarray
    overlap: np.ndarray
    fixed: tuple[int, int]
    moving: tuple[int, int]

    def __len__(self) -> int:
        return len(self.angle)

    def __getitem__(self, row: int) -> "Registration":
        """One pair, as a registration of one."""
        rows = {name: getattr(self, name)[row : row + 1] for name in PER_PAIR}
        return Registration(**rows, fixed=self.fixed, moving=self.moving)

    @classmethod
    def joined(cls, parts: "list[Registration]") -> "Registration":
        """One of several, in order."""
        rows = {name: np.concatenate([getattr(part, name) for part in parts]) for name in PER_PAIR}
        return cls(**rows, fixed=parts[0].fixed, moving=parts[0].moving)

    @property
    def angle_sigma(self) -> np.ndarray:
        """Standard errors (n,) of the angles, degrees."""
        return np.sqrt(self.covariance[:, 0, 0])

    @property
    def shift_sigma(self) -> np.ndarray:
        """Standard errors (n, 2) of the shifts, pixels."""
        return np.sqrt(np.diagonal(self.covariance[:, 1:, 1:], axis1=1, axis2=2))

    @property
    def transform(self) -> Rigid:
        """The transforms as a type; points from each frame's centre."""
        return Rigid(self.angle, self.shift, self.covariance)


def trusted(score, agreement, exp: typing.Callable = np.exp):
    """A score in [0, 1] of an aligner's and of the agreement at the pictures' own resolution, see `estimate.Estimate`.

    exp: NumPy's, or TensorFlow's for tensors.
    """
    return score / (1.0 + exp(-SLOPE * (agreement - SURE)))

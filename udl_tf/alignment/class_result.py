"""What classing images gives back."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class ClassResult:
    """Views and poses of n images, and the rigid transforms that bring each onto the average of its view.

    Attributes:
        view: int32 (n,), from 0, see the model's averages; -1: an image that is constant or not finite.
        angle: (n,) degrees. shift: (n, 2) pixels. Conventions: `pipelines.geometry`; NaN where there is no view.
        score: (n,), probability that the view is right and the angle within 5 degrees. sigma: (n,) degrees, standard error of
            the angle, given the view.
        evidence: (n,) nats, log-likelihood over all views and poses above that of noise alone.
        probability: (n, k) of each view; what is missing to 1 is that of noise alone.
        junk: int32 (n,), 1: no better than noise, or of a class of junk.
    """

    view: np.ndarray
    angle: np.ndarray
    shift: np.ndarray
    score: np.ndarray
    sigma: np.ndarray
    evidence: np.ndarray
    probability: np.ndarray
    junk: np.ndarray

    def __len__(self) -> int:
        return len(self.view)

    @classmethod
    def joined(cls, parts: list[dict]) -> ClassResult:
        """One result of the outputs of several calls, in order."""
        return cls(**{name: np.concatenate([part[name] for part in parts]) for name in NAMES})


NAMES = tuple(field.name for field in dataclasses.fields(ClassResult))

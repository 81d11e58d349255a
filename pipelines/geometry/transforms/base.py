"""What all kinds of transform share: rows, the error of one against another, JSON."""

import dataclasses

import numpy as np

from pipelines.errors import InputError

DIRECTION = "takes a point of the moving image to its place in the fixed one; images are pulled the other way"
CENTRE = "((width - 1) / 2, (height - 1) / 2), x to the right, y down"
MOST = 64  # points along each axis that the error is averaged over


class Transform:
    """A batch of n transforms of one kind; a frozen dataclass whose last field is `covariance`.

    Each field is an array whose first axis is the batch, but for those without a row of `UNITS`, which all rows share.
    Computations are those of `pipelines.geometry`, in float32; `covariance` is of the rows as they were made, and what is
    computed from them has none.

    Attributes:
        KIND: its name in JSON. UNITS: {field: unit}.
    """

    KIND = ""
    UNITS = {}

    def __len__(self) -> int:
        return len(getattr(self, next(iter(self.UNITS))))

    def __getitem__(self, rows: int | slice | np.ndarray | list) -> "Transform":
        """Some rows, as a transform of the same kind: an index (a batch of one), a slice, a mask or indices."""
        chosen = np.atleast_1d(np.arange(len(self))[rows])
        per_row = {name: getattr(self, name)[chosen] for name in self.UNITS}
        covariance = None if self.covariance is None else self.covariance[chosen]
        return dataclasses.replace(self, **per_row, covariance=covariance)

    @classmethod
    def joined(cls, parts: "list[Transform]") -> "Transform":
        """One batch of several of this kind, in order; its covariance is None where one of them has none."""
        per_row = {name: np.concatenate([getattr(part, name) for part in parts]) for name in cls.UNITS}
        known = all(part.covariance is not None for part in parts)
        covariance = np.concatenate([part.covariance for part in parts]) if known else None
        return dataclasses.replace(parts[0], **per_row, covariance=covariance)

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Places in the fixed image, float32 (n, m, 2), of points (m, 2) or (n, m, 2) of the moving one."""
        raise NotImplementedError

    def pull(self, points: np.ndarray) -> np.ndarray:
        """Places in the moving image, float32 (n, m, 2), of points (m, 2) or (n, m, 2) of the fixed one: undoes `apply`."""
        raise NotImplementedError

    def inverse(self) -> "Transform":
        """The transform that brings fixed onto moving."""
        raise NotImplementedError

    def warp(self, images: np.ndarray, fill_mode: str = "constant", backend: str = "kernel") -> np.ndarray:
        """Moving images (n, height, width) brought onto the fixed ones, NumPy float32; see `pipelines.geometry.warp`.

        An image whose transform is not a number stays as it is.
        """
        raise NotImplementedError

    def error(self, truth: "Transform", height: int, width: int) -> np.ndarray:
        """Root mean square distance to another transform over a frame, (n,) pixels.

        It is the distance of the places that both pull a point of the fixed frame from, averaged over its pixels; in frames of
        more than `MOST` pixels along an axis over as many points, evenly spread.

        Args:
            truth: a `Transform` of any kind with as many rows.

        Raises:
            InputError: another number of rows.
        """
        if len(truth) != len(self):
            raise InputError(f"error: received a truth of {len(truth)} transforms, expected {len(self)}")
        x, y = ((np.arange(k) + 0.5) * (size / k) - size / 2.0 for size, k in ((s, min(s, MOST)) for s in (width, height)))
        points = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2).astype(np.float32)
        away = self.pull(points) - truth.pull(points)
        return np.sqrt((away.astype(np.float64) ** 2).sum(-1).mean(-1))

    def to_json(self) -> dict:
        """The transform as a dict of plain types for `json.dump`; see `schema.from_json`. What is not finite becomes None."""
        fields = [field.name for field in dataclasses.fields(self) if field.name != "covariance"]
        return {
            "kind": self.KIND,
            "direction": DIRECTION,
            "centre": CENTRE,
            "units": self.UNITS,
            "values": {name: plain(getattr(self, name)) for name in fields},
            "covariance": plain(self.covariance),
        }

    def _set(self, name, value, shape, dtype=None):
        """Keep a field as a floating array of a shape, in which None fits any length.

        Raises:
            InputError: another shape.
        """
        array = np.asarray(value, dtype)
        if not np.issubdtype(array.dtype, np.floating):
            array = array.astype(np.float32)
        fits = array.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, array.shape, strict=True))
        if not fits:
            expected = ", ".join("n" if want is None else str(want) for want in shape)
            raise InputError(f"{self.KIND} transform: received {name} of shape {array.shape}, expected ({expected})")
        object.__setattr__(self, name, array)

    def _set_covariance(self, *shape):
        if self.covariance is not None:
            self._set("covariance", self.covariance, (len(self), *shape))


def plain(value: np.ndarray | float | None) -> list | float | None:
    """A number or an array as nested lists of Python numbers, None for what is not finite; None stays None."""
    if value is None:
        return None
    array = np.asarray(value)
    return np.where(np.isfinite(array), array.astype(object), None).tolist()


def batch_of(points: np.ndarray, count: int) -> np.ndarray:
    """Points (m, 2) or (count, m, 2) as float32 (count, m, 2).

    Raises:
        InputError: another shape.
    """
    points = np.asarray(points, np.float32)
    if points.ndim not in (2, 3) or points.shape[-1] != 2 or (points.ndim == 3 and len(points) != count):
        raise InputError(f"points of shape {points.shape}: expected (m, 2) or ({count}, m, 2)")
    return np.broadcast_to(points, (count, *points.shape[-2:]))


def images_of(images: np.ndarray, count: int) -> np.ndarray:
    """Images as float32 (count, height, width).

    Raises:
        InputError: another shape.
    """
    images = np.asarray(images, np.float32)
    if images.ndim != 3 or len(images) != count:
        raise InputError(f"images of shape {images.shape}: expected ({count}, height, width)")
    return images

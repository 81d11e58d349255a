"""One object that aligns images: NumPy arrays in and out, wherever the model runs."""

from __future__ import annotations

import logging
import os

import numpy as np
import numpy.typing as npt

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.files.source import ArraySource
from pipelines.normalise import check_images
from udl_tf.alignment.backend import Backend, SavedModel
from udl_tf.alignment.class_result import ClassResult
from udl_tf.alignment.result import Result

LOG = logging.getLogger(__name__)
SMALLEST, LARGEST = 16, 2048  # pixels, sides of images that are aligned


class Aligner:
    """Aligns pairs.

    Args:
        model: folder of a SavedModel that `udl_tf.fit` wrote, or a `udl_tf.alignment.backend.Backend`.

    Attributes:
        path: of the model. config: dict of its configuration, metrics and versions (empty if they are unknown).
    """

    def __init__(self, model: os.PathLike | str | Backend):
        self._backend = SavedModel(model) if isinstance(model, (str, os.PathLike)) else model
        self.path, self.config = self._backend.path, self._backend.config

    def __enter__(self) -> Aligner:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Give up what the backend holds, such as a connection."""
        self._backend.close()

    def align(
        self,
        fixed: npt.ArrayLike,
        moving: npt.ArrayLike,
        max_shift: float | None = None,
        batch: int = 64,
        report: bool = True,
        fast: bool = False,
    ) -> Result:
        """Find the angle and the shift that bring each `moving` image onto its `fixed` one.

        Args:
            fixed, moving: real arrays (n, h, w) or (h, w), of one size; one fixed image serves many moving ones.
                Images that are not square are centre-cropped, with a notice.
            max_shift: largest shift looked for, pixels; default: a quarter of the side.
            batch: pairs at a time.
            report: log images that cannot be aligned; False where the caller does so itself.
            fast: leave out verification and refinement: several times faster, about as accurate as the network alone.

        Returns:
            `Result`. Pairs with a constant image, or one with NaN, are reported by index and do not disturb the others.

        Raises:
            InputError: wrong type or shape, different sizes, or counts that do not match.
        """
        fixed, moving = _square(fixed, "fixed"), _square(moving, "moving")
        if fixed.shape[1:] != moving.shape[1:]:
            raise InputError(f"fixed of {_size(fixed)} and moving of {_size(moving)} pixels: expected one size")
        if len(fixed) not in (1, len(moving)):
            raise InputError(f"{len(fixed)} fixed and {len(moving)} moving images: expected one fixed, or as many as moving")
        options = _options(moving, max_shift, fast)
        for name, images in (("fixed", fixed), ("moving", moving)) if report else ():
            check_images(images, [f"{name} {i}" for i in range(len(images))])
        parts, views = [], []
        for start in range(0, len(moving), batch):
            rows = slice(start, start + batch)
            target = fixed if len(fixed) == 1 else fixed[rows]
            result, view = _result(self._backend.align(target, moving[rows], *options))
            parts.append(result)
            views.append(view)
        if report:
            _say(np.concatenate(views))
        return Result.joined(parts)

    def align_pairs(
        self,
        images: npt.ArrayLike,
        pairs: npt.ArrayLike | None = None,
        max_shift: float | None = None,
        fast: bool = False,
        report: bool = True,
    ) -> tuple[np.ndarray, Result]:
        """Align pairs among a few images that fit memory together; every image is looked at once.

        Args:
            images: real array (n, h, w).
            pairs: integers (p, 2), the fixed and the moving image of each pair, from 0; by default all n (n - 1) / 2 pairs with
                first < second, in order.
            max_shift, fast, report: see `align`.

        Returns:
            (pairs (p, 2), `Result` of p).

        Raises:
            InputError: as `align`; indices that are not there.
        """
        images = _square(images, "images")
        chosen = np.stack(np.triu_indices(len(images), 1), 1) if pairs is None else np.asarray(pairs)
        if chosen.ndim != 2 or chosen.shape[1] != 2 or chosen.dtype.kind not in "iu" or not len(chosen):
            raise InputError(
                f"pairs of shape {chosen.shape} and type {chosen.dtype}: expected one or more pairs of indices, (p, 2)"
            )
        if chosen.min() < 0 or chosen.max() >= len(images):
            raise InputError(f"pairs name images {chosen.min()} to {chosen.max()}: expected 0 to {len(images) - 1}")
        if report:
            check_images(images)
        first, second = chosen.T.astype(np.int32)
        result, view = _result(self._backend.align_pairs(images, first, second, *_options(images, max_shift, fast)))
        if report:
            _say(view)
        return chosen, result

    def classify(
        self, images: npt.ArrayLike, ctf: npt.ArrayLike | None = None, batch: int = 64, report: bool = True
    ) -> ClassResult:
        """Tell which of the views of a model of `fit --preset cryo-views` images show, and how they lie in it.

        Args:
            images: real array (n, side, side), of the side and pixel size of the particles that the model was learned from.
            ctf: (n, side // 2 + 1), at 0, 1, 2, ... cycles per side, or None where there is none.
            batch: images at a time. report: see `align`.

        Returns:
            `ClassResult`.

        Raises:
            InputError: wrong type or shape, or a model that knows no views.
        """
        images = _square(images, "images")
        if ctf is not None and np.shape(ctf) != (len(images), images.shape[1] // 2 + 1):
            raise InputError(f"ctf of shape {np.shape(ctf)}: expected ({len(images)}, {images.shape[1] // 2 + 1})")
        if report:
            check_images(images)
        slices = [slice(start, start + batch) for start in range(0, len(images), batch)]
        return ClassResult.joined([self._backend.classify(images[rows], None if ctf is None else ctf[rows]) for rows in slices])


def _options(images, max_shift, fast):
    side = images.shape[1]
    if max_shift is not None and not 0 <= max_shift <= side / 4:
        raise InputError(f"max_shift of {max_shift} pixels: expected 0 to {side / 4:g}, a quarter of the image")
    return (-1.0 if max_shift is None else float(max_shift)), bool(fast)


def _result(found):
    """`Result`, and through which view each pair went (n,), -1: through none; empty where the model knows no views."""
    view = found.pop("view", np.zeros(0, np.int32))
    return Result(**{**found, "angle": geometry.wrap_degrees(found["angle"])}), view


def _say(view):
    if np.any(view < 0):
        text = "%d of %d pairs are not of one view that the model knows: aligned to each other directly"
        LOG.warning(text, np.sum(view < 0), len(view))


def _square(images, name):
    """Square float32 images (n, side, side) from what a user passes."""
    try:
        source = ArraySource(images, path=name)
    except InputError as error:
        raise InputError(f"{name} {error}") from None
    if not SMALLEST <= source.shape[0] <= LARGEST:
        raise InputError(f"{name} images of {source.shape[0]} pixels: expected {SMALLEST} to {LARGEST}")
    return source.read(slice(None))


def _size(images):
    return f"{images.shape[2]}x{images.shape[1]}"

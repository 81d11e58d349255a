"""One object that aligns images: a served model with NumPy arrays in and out."""

import json
import logging
import pathlib

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.files.source import ArraySource
from pipelines.normalise import check_images
from udl_tf.alignment.result import Result

LOG = logging.getLogger(__name__)
SMALLEST, LARGEST = 16, 2048  # pixels, sides of images that are aligned


class Aligner:
    """Aligns pairs with a SavedModel that `udl_tf.fit` wrote.

    Attributes:
        path: folder of the SavedModel. config: dict of its configuration, metrics and versions (empty if there is none).
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        try:
            self._model = tf.saved_model.load(str(path))
            self._align = _of_arrays(self._model.signatures["align_within"])
            self._align_pairs = _of_arrays(self._model.signatures["align_pairs"])
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise InputError(f"{path}: expected a SavedModel written by udl_tf ({error})") from None
        about = self.path / "assets.extra" / "config.json"
        self.config = json.loads(about.read_text()) if about.exists() else {}

    def align(self, fixed, moving, max_shift=None, batch=64, report=True, fast=False):
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
        parts = []
        for start in range(0, len(moving), batch):
            rows = slice(start, start + batch)
            target = fixed if len(fixed) == 1 else fixed[rows]
            parts.append(_result(self._align(fixed=target, moving=moving[rows], **options)))
        return Result.joined(parts)

    def align_pairs(self, images, pairs=None, max_shift=None, fast=False, report=True):
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
        first, second = (tf.constant(column, tf.int32) for column in chosen.T)
        options = _options(images, max_shift, fast)
        return chosen, _result(self._align_pairs(images=images, first=first, second=second, **options))


def _of_arrays(signature):
    """The signature with arrays in place of tensors; a client sends them as they are."""
    return lambda **inputs: signature(**{name: tf.constant(value) for name, value in inputs.items()})


def _options(images, max_shift, fast):
    side = images.shape[1]
    if max_shift is not None and not 0 <= max_shift <= side / 4:
        raise InputError(f"max_shift of {max_shift} pixels: expected 0 to {side / 4:g}, a quarter of the image")
    return {"max_shift": tf.constant(-1.0 if max_shift is None else max_shift, tf.float32), "fast": tf.constant(fast)}


def _result(output):
    found = {name: value.numpy() for name, value in output.items()}
    return Result(**{**found, "angle": geometry.wrap_degrees(found["angle"])})


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

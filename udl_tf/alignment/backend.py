"""Where an aligner's model runs: arrays in, arrays out."""

import json
import os
import pathlib
import typing

import numpy as np
import tensorflow as tf

from pipelines.errors import InputError


class Backend(typing.Protocol):
    """What `udl_tf.alignment.aligner.Aligner` asks for: a SavedModel here, or one on a server (`udl_tf.serving.backend`).

    Attributes:
        path: of the model, for messages. config: dict of its configuration, metrics and versions, empty where they are unknown.
    """

    path: os.PathLike | str
    config: dict

    def align(self, fixed: np.ndarray, moving: np.ndarray, max_shift: float, fast: bool) -> dict[str, np.ndarray]:
        """Outputs by name, as `udl_tf.alignment.outputs.OUTPUTS` lists them.

        A model that knows views also says by ``view`` (n,) through which of them a pair was aligned, -1: directly.

        Args:
            fixed: float32 (n, side, side), or one (1, side, side) for all. moving: float32 (n, side, side).
            max_shift: pixels; negative for the model's own share of the side. fast: leave out verification and refinement.
        """

    def align_pairs(
        self, images: np.ndarray, first: np.ndarray, second: np.ndarray, max_shift: float, fast: bool
    ) -> dict[str, np.ndarray]:
        """`align` for pairs among images (m, side, side): int32 indices (n,) of the fixed and of the moving one of each."""

    def align_full(self, fixed: np.ndarray, moving: np.ndarray) -> dict[str, np.ndarray]:
        """The fields of `udl_tf.registration.result.Registration`, of pictures at their own resolution.

        Args:
            fixed: float32 (n, height, width), or one for all. moving: float32 (n, any, any).

        Raises:
            InputError: the model has no such signature: `udl_tf.export` writes it.
        """

    def classify(self, images: np.ndarray, ctf: np.ndarray | None) -> dict[str, np.ndarray]:
        """What `udl_tf.alignment.class_result.ClassResult` has, of images (n, side, side); ctf: (n, side // 2 + 1), or None.

        Raises:
            InputError: the model knows no views, or views of another size.
        """

    def close(self) -> None:
        """Give up what is held, such as a connection."""


class SavedModel:
    """The model in a folder that `udl_tf.fit` or `udl_tf.export` wrote.

    Raises:
        InputError: there is no such model.
    """

    def __init__(self, path: os.PathLike | str):
        self.path = pathlib.Path(path)
        try:
            self._model = tf.saved_model.load(str(path))
            self._within, self._among = (self._model.signatures[name] for name in ("align_within", "align_pairs"))
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise InputError(f"{path}: expected a SavedModel written by udl_tf ({error})") from None
        about = self.path / "assets.extra" / "config.json"
        self.config = json.loads(about.read_text()) if about.exists() else {}

    def align(self, fixed, moving, max_shift, fast):
        """See `Backend`."""
        return _called(self._within, fixed=fixed, moving=moving, max_shift=np.float32(max_shift), fast=fast)

    def align_pairs(self, images, first, second, max_shift, fast):
        """See `Backend`."""
        return _called(self._among, images=images, first=first, second=second, max_shift=np.float32(max_shift), fast=fast)

    def align_full(self, fixed, moving):
        """See `Backend`."""
        if "align_full" not in self._model.signatures:
            raise InputError(f"{self.path}: the model has no signature align_full, expected one that udl_tf.export wrote")
        return _called(self._model.signatures["align_full"], fixed=fixed, moving=moving)

    def classify(self, images, ctf):
        """See `Backend`."""
        name = "classify" if ctf is None else "classify_ctf"
        if name not in self._model.signatures:
            raise InputError(f"{self.path}: the model knows no views, expected one of fit --preset cryo-views")
        options = {} if ctf is None else {"ctf": np.asarray(ctf, np.float32)}
        try:
            return _called(self._model.signatures[name], images=images, **options)
        except tf.errors.InvalidArgumentError as error:
            raise InputError(f"{self.path}: {error.message.splitlines()[0]}") from None

    def close(self):
        """Nothing is held."""


def _called(signature, **inputs):
    found = signature(**{name: tf.constant(value) for name, value in inputs.items()})
    return {name: value.numpy() for name, value in found.items()}

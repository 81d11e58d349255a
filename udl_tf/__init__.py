"""Unsupervised alignment of noisy images: rotation and shift of pairs and stacks, learned without labels."""

from __future__ import annotations

import os
import typing

if typing.TYPE_CHECKING:
    from udl_tf.alignment.aligner import Aligner

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def load(name: str | os.PathLike = "cryo") -> Aligner:
    """An aligner from a shipped name (``cryo``, ``photo``), a run folder or a SavedModel folder.

    See `udl_tf.alignment.aligner.Aligner` for what it does and `udl_tf.alignment.models.find` for the errors.
    """
    from udl_tf.alignment.aligner import Aligner  # TensorFlow is imported only when a model is wanted
    from udl_tf.alignment.models import find

    return Aligner(find(name))

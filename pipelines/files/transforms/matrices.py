"""Transforms as NumPy's arrays, in the conventions of two libraries."""

import numpy as np

from pipelines.files.transforms.table import TransformTable


def write_skimage(table: TransformTable, path) -> None:
    """Matrices (n, 3, 3), or (3, 3) of a pair, for ``skimage.transform.warp(moving, matrix)``: fixed to moving pixels."""
    _save(table.pull, path)


def write_opencv(table: TransformTable, path) -> None:
    """Matrices (n, 2, 3), or (2, 3) of a pair, for ``cv2.warpAffine(moving, matrix, size)``: moving to fixed pixels."""
    _save(table.push[:, :2], path)


def _save(matrices, path):
    with open(path, "wb") as file:
        np.save(file, matrices[0] if len(matrices) == 1 else matrices)

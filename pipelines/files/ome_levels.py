"""Coarser levels of an OME-Zarr image: each pixel is the mean of two by two of the level before, along y and x alone.

Sections lie further apart than pixels, so nothing is taken together along z. Of an odd side the last pixel is left out: pixel i
of level n covers pixels ``2^n i`` to ``2^n (i + 1) - 1`` of the image.
"""

import numpy as np

LARGEST = 512  # pixels, the longer side of the coarsest level
TYPE, METHOD = "mean", "mean of 2 x 2 pixels along y and x"


def level_sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
    """(height, width) of all levels of an image of this size, its own first."""
    sizes = [tuple(size)]
    while max(sizes[-1]) > LARGEST and min(sizes[-1]) > 1:
        sizes.append(tuple(side // 2 for side in sizes[-1]))
    return sizes


def said_of_levels(count: int, scale: list[float], remark: str = "", origin: list[float] | None = None) -> dict:
    """What `multiscales` says of so many levels named by their numbers.

    Args:
        scale: size of a pixel of the first one along the image's axes. origin: where its first pixel lies; None: at 0.
    """
    origin = np.zeros(len(scale)) if origin is None else np.asarray(origin, np.float64)
    datasets = []
    for number in range(count):
        factor = np.ones(len(scale))
        factor[-2:] = 2.0**number
        changes = [{"type": "scale", "scale": (factor * scale).tolist()}]
        place = origin + 0.5 * (factor - 1.0) * scale  # its first pixel lies in the middle of those that it covers
        if number or origin.any():
            changes.append({"type": "translation", "translation": place.tolist()})
        datasets.append({"path": str(number), "coordinateTransformations": changes})
    told = {**({"method": METHOD} if count > 1 else {}), **({"remark": remark} if remark else {})}
    return {"datasets": datasets, **({"type": TYPE} if count > 1 else {}), **({"metadata": told} if told else {})}


class Levels:
    """The arrays of all levels, sliced like the first: what is written there, whole planes, is written to the others as well.

    Args:
        arrays: (..., height, width) each, of one type of number, the finest first.
    """

    def __init__(self, arrays: list):
        self._arrays = arrays

    def __setitem__(self, index, planes: np.ndarray):
        finest, *others = self._arrays
        finest[index] = planes
        outer = planes.shape[:-2]
        made = [np.empty((*outer, *array.shape[-2:]), array.dtype) for array in others]
        for place in np.ndindex(*outer):
            plane = planes[place]
            for coarser in made:
                plane = _halved(plane)
                coarser[place] = plane if coarser.dtype.kind == "f" else np.rint(plane)
        for array, coarser in zip(others, made):
            array[index] = coarser


def _halved(plane):
    """float64 (height // 2, width // 2)."""
    plane = np.asarray(plane[: plane.shape[0] // 2 * 2, : plane.shape[1] // 2 * 2], np.float64)
    return 0.25 * (plane[::2, ::2] + plane[::2, 1::2] + plane[1::2, ::2] + plane[1::2, 1::2])

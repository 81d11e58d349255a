"""The best linear mixture of what lies around a section: windows of its neighbours, learned from good sections of the volume.

A section is predicted from squares of 7 x 7 pixels of the mean of both neighbours, of the mixture along their flow, and of the
mean of the sections two away where both are good. The weights are those of least squares; to use them is to filter.
"""

import dataclasses

import cv2
import numpy as np

SIDE = 7  # pixels of a window
EVERY = 5  # pixels between those that are learned from
RIDGE = 1e-3  # of the mean power of a weight's pixels, so that few sections do not lead astray


@dataclasses.dataclass(frozen=True)
class Weights:
    """What to filter with.

    Attributes:
        kernels: (images, SIDE, SIDE) float32. level: grey value that is taken from all images, and given back.
    """

    kernels: np.ndarray
    level: float

    def mixed(self, images: list[np.ndarray]) -> np.ndarray:
        """The prediction (height, width) float32 from as many images as there are kernels."""
        level = np.float32(self.level)
        filtered = [
            cv2.filter2D(image - level, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT_101)
            for image, kernel in zip(images, self.kernels, strict=True)
        ]
        return np.sum(filtered, axis=0) + level


def learn_weights(examples: list[tuple[list[np.ndarray], np.ndarray]]) -> Weights:
    """Least squares from pairs of images that tell of a section, float32 (height, width), and the section itself."""
    level = float(np.mean([section.mean() for _, section in examples]))
    power = products = 0.0
    for images, section in examples:
        windows = np.concatenate([_windows(image - np.float32(level)) for image in images], 1)  # (pixels, weights)
        margin = SIDE // 2
        wanted = (section[margin:-margin, margin:-margin][::EVERY, ::EVERY] - np.float32(level)).ravel()
        power, products = power + windows.T @ windows, products + windows.T @ wanted
    power = power + RIDGE * np.trace(power) / len(power) * np.eye(len(power))
    kernels = np.linalg.solve(power, products).reshape(-1, SIDE, SIDE)
    return Weights(np.float32(kernels), level)


def _windows(image):
    """Squares (pixels, SIDE^2) around some pixels."""
    view = np.lib.stride_tricks.sliding_window_view(image, (SIDE, SIDE))[::EVERY, ::EVERY]
    return view.reshape(-1, SIDE * SIDE).astype(np.float64)

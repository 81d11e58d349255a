"""A section between two others: both are brought half-way along the flow between them, and mixed.

The flow is OpenCV's dense inverse search (Kroeger et al., ECCV 2016), both ways. How far to trust each pixel is known from good
sections of the volume that were made again: where the two that are mixed differ, the truth differs from the mixture, too.
"""

import dataclasses

import cv2
import numpy as np

REACH = 3.0  # pixels, of the Gaussian over which differences are seen together
LOW, HIGH = 0.5, 99.5  # percentiles that become 0 and 255 for the flow


@dataclasses.dataclass(frozen=True)
class Between:
    """A section that was made.

    Attributes:
        section: float32 (height, width). difference: (height, width), root mean square around each pixel, between the two that
            it was mixed from.
    """

    section: np.ndarray
    difference: np.ndarray


def between(before: np.ndarray, after: np.ndarray, part: float = 0.5) -> Between:
    """The section at `part` of the way from one to another.

    Args:
        before, after: (height, width), any real type. part: in (0, 1).
    """
    before, after = np.float32(before), np.float32(after)
    return _mixed(before, after, *_flows(before, after), part)


def all_between(before: np.ndarray, after: np.ndarray, steps: int) -> list[np.ndarray]:
    """The sections float32 (height, width) that divide the way from one to another into equal steps, one fewer than these."""
    before, after = np.float32(before), np.float32(after)
    flows = _flows(before, after)
    return [_mixed(before, after, *flows, k / steps).section for k in range(1, steps)]


def halfway(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Two sections, each brought half-way to the other along the flow between them: float32 (height, width, 2)."""
    before, after = np.float32(before), np.float32(after)
    return np.stack(_brought(before, after, *_flows(before, after), 0.5), -1)


@dataclasses.dataclass(frozen=True)
class Trust:
    """Standard error from difference: its square is ``floor^2 + (slope difference)^2``."""

    floor: float
    slope: float

    def sigma(self, difference: np.ndarray) -> np.ndarray:
        """Standard error of each pixel, of the noise of a section as well."""
        return np.sqrt(self.floor**2 + np.square(self.slope * difference))


def learn_trust(made: list[Between], truth: list[np.ndarray]) -> Trust:
    """The `Trust` of sections that were made again beside the true ones, by least squares on means over equal parts."""
    x = np.concatenate([np.square(one.difference).ravel() for one in made]).astype(np.float64)
    y = np.concatenate([np.square(one.section - np.float32(section)).ravel() for one, section in zip(made, truth)])
    order = np.argsort(x)
    groups = np.array([[x[rows].mean(), y[rows].mean(dtype=np.float64)] for rows in np.array_split(order, 20)])
    slope, floor = np.polyfit(*groups.T, 1)
    slope = float(np.clip(slope, 0.0, None))
    floor = float(np.clip(groups[:, 1].mean() - slope * groups[:, 0].mean(), 0.0, None))
    return Trust(float(np.sqrt(floor)), float(np.sqrt(slope)))


def _flows(before, after):
    """The flow (height, width, 2) from one to the other, and that back."""
    first, second = _eight_bits(before, after)
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return search.calc(first, second, None), search.calc(second, first, None)


def _mixed(before, after, there, back, part):
    one, other = _brought(before, after, there, back, part)
    return Between((1 - part) * one + part * other, difference(one, other))


def _brought(before, after, there, back, part):
    """Both sections where they are at `part` of the way."""
    # Where a pixel of the new section comes from: both flows, weighted by how near their own section is.
    to_first = -(1 - part) * part * there + part**2 * back
    to_second = (1 - part) ** 2 * there - part * (1 - part) * back
    return _pulled(before, to_first), _pulled(after, to_second)


def difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Root mean square around each pixel of how two sections (height, width) differ."""
    square = cv2.GaussianBlur(np.square(one - other), (0, 0), REACH)
    return np.sqrt(np.maximum(square, 0.0))


def _eight_bits(*images):
    low, high = np.percentile(np.stack(images), [LOW, HIGH])
    scale = 255.0 / max(high - low, 1e-6)
    return [np.clip((image - low) * scale, 0, 255).astype(np.uint8) for image in images]


def _pulled(image, flow):
    height, width = image.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return cv2.remap(image, x + flow[..., 0], y + flow[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)

"""Flow between sections that lie near one another, on a coarse grid, and how far it is believed.

The flow is OpenCV's dense inverse search (Kroeger et al., ECCV 2016), forth and back, between sections brought to one contrast
everywhere. Where both disagree, or a section shows little, it counts little. Grids are those of
`pipelines.geometry.displacement`: nodes `spacing` pixels apart whose middle is the section's, bilinear between them.
"""

import dataclasses
import functools
from collections.abc import Callable

import cv2
import numpy as np

from pipelines.geometry import displacement
from udl_tf.chunks.executors import Here
from udl_tf.chunks.run import ranges, run
from udl_tf.chunks.store import ChunkStore
from udl_tf.volumes.section_readers import Told

APART = (1, 2)
PIECE = 8  # sections whose flows are kept together
BLUR, AROUND = 1.0, 24.0  # pixels: of the blur, and of what a pixel's contrast is measured in
GREY, FAINT = 45.0, 0.5  # grey values of a standard deviation; the least of it around a pixel, of the whole section's
TOLERANCE = 0.5  # pixels: forth and back disagree by this, and the flow has half its say
FITS = 3  # steps towards the least squares of the nodes


@dataclasses.dataclass(frozen=True)
class SectionFlows:
    """Flows between pairs of sections.

    Attributes:
        first, second: (pairs,) numbers of sections from 0. flow: float32 (pairs, rows, columns, 2), pixels (dx, dy): what lies at
            a node of `first` is found that far away in `second`. weight: float32 (pairs, rows, columns), 1 / pixels^2 up to a
            factor that all have in common; 0 tells nothing.
    """

    first: np.ndarray
    second: np.ndarray
    flow: np.ndarray
    weight: np.ndarray


@dataclasses.dataclass(frozen=True)
class FlowTask:
    """What flows are found by, see `compare_fields`."""

    read: Callable
    spacing: float
    tell: Callable[[int], None]

    @functools.cached_property
    def search(self):
        """OpenCV's object."""
        search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        search.setVariationalRefinementIterations(0)  # nodes are means of many pixels: as near without, in a third of the time
        return search

    @functools.cached_property
    def grid(self) -> Callable:
        """From the size of a section to a `_Grid`."""
        return functools.lru_cache(1)(lambda size: _Grid(size, self.spacing))

    @functools.cached_property
    def seen(self) -> Callable:
        """From a number to what flow is found between; the last ones are kept."""
        return functools.lru_cache(max(APART) + 1)(lambda number: _seen(*self.read(number)))


def compare_fields(
    read: Callable,
    count: int,
    spacing: float,
    tell: Callable[[int, int], None] = lambda done, of: None,
    store: ChunkStore | None = None,
    executor=None,
) -> SectionFlows:
    """`SectionFlows` of each section to those one and two behind it; four sections are in memory at a time.

    Args:
        read: from a number to a section (height, width) and which of its pixels show something, bool. count: sections.
        spacing: pixels between nodes. tell: called with the sections done and their count.
        store: where flows are kept, and found if they are there already; or None.
        executor: see `section_pairs.compare_sections`.
    """
    told, found, pieces = Told(lambda done: tell(done, count)), [], ranges(count, PIECE)
    task = FlowTask(read, spacing, told)
    for (_, stop), piece in zip(pieces, run("flows", flows, task, pieces, executor or Here(), store), strict=True):
        found.append(piece)
        told(stop)
    pair, flow, weight = (np.concatenate([piece[name] for piece in found]) for name in ("pair", "flow", "weight"))
    return SectionFlows(*pair.T, flow, weight)


def flows(task: FlowTask, start: int, stop: int) -> dict[str, np.ndarray]:
    """Arrays of the flows of some sections to those before them."""
    pairs, nodes = [], []
    for number in range(start, stop):
        for first in (number - apart for apart in APART[:number]):
            flow, say = _believed(task.search, task.seen(first), task.seen(number))
            nodes.append(task.grid(say.shape).nodes(flow, say))
            pairs.append((first, number))
        task.tell(number + 1)
    flow, weight = map(np.stack, zip(*nodes))
    return {"pair": np.array(pairs), "flow": flow, "weight": weight}


class _Grid:
    """From pixels to nodes."""

    def __init__(self, size, spacing):
        counts = displacement.grid_size(*size, spacing)
        self._down, self._across = (_hats(side, nodes, spacing) for side, nodes in zip(size, counts))

    def nodes(self, flow, say):
        """Nodes (rows, columns, 2) of a flow (height, width, 2) by least squares, begun with their means, and their weights.

        Weights are in [0, 1]: how much of what lies around a node is believed.
        """
        weight = self._down.T @ say @ self._across
        found = np.zeros((2, *weight.shape), np.float32)
        flow = np.ascontiguousarray(flow.transpose(2, 0, 1))
        for _ in range(FITS):
            away = flow - self._down @ found @ self._across.T
            found += self._down.T @ (say * away) @ self._across / np.maximum(weight, 1e-3)
        whole = self._down.sum(0)[:, None] * self._across.sum(0)
        return found.transpose(1, 2, 0), weight / whole


def _hats(side, nodes, spacing):
    """What each node adds to each pixel along an axis, float32 (side, nodes)."""
    place = (np.arange(side) - (side - 1) / 2.0) / spacing + (nodes - 1) / 2.0
    return np.float32(np.maximum(1.0 - np.abs(place[:, None] - np.arange(nodes)), 0.0))


def _seen(section, shown):
    """What flow is found between, how much there is to hold on to around each pixel, and uint8 which pixels show something."""
    image = _prepared(section)
    return image, _structure(image), np.uint8(shown)


def _prepared(section):
    """A section (height, width) as uint8, of one contrast everywhere."""
    image = cv2.GaussianBlur(np.nan_to_num(np.float32(section)), (0, 0), BLUR)
    least = 1e-5 * float(np.abs(image).max()) + 1e-12  # rounding is no contrast
    image -= image.mean()
    image -= cv2.GaussianBlur(image, (0, 0), AROUND)
    spread = np.sqrt(cv2.GaussianBlur(np.square(image), (0, 0), AROUND))
    image *= GREY / np.maximum(spread, max(FAINT * float(image.std()), least))
    return np.clip(np.rint(image + 128.0), 0, 255).astype(np.uint8)


def _believed(search, one, other):
    """The flow (height, width, 2) from one section to another, and how far each pixel is believed, in [0, 1]."""
    (first, first_structure, first_shown), (second, second_structure, second_shown) = one, other
    there, back = search.calc(first, second, None), search.calc(second, first, None)
    height, width = first.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    x, y = x + there[..., 0], y + there[..., 1]
    returned = cv2.remap(back, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    away = np.square(there + returned).sum(-1) / TOLERANCE**2
    found = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1) & (first_shown > 0)
    found &= cv2.remap(second_shown, x, y, cv2.INTER_NEAREST) > 0
    seen = np.minimum(first_structure, cv2.remap(second_structure, x, y, cv2.INTER_LINEAR))
    return there, np.where(found, seen / (1.0 + away), 0.0).astype(np.float32)


def _structure(image):
    """How much there is around each pixel to hold on to, in [0, 1): the smaller eigenvalue of the structure tensor."""
    dx, dy = (cv2.Sobel(image, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    xx, xy, yy = (cv2.GaussianBlur(part, (0, 0), 4.0) for part in (dx * dx, dx * dy, dy * dy))
    least = (xx + yy - np.sqrt(np.square(xx - yy) + 4.0 * xy * xy)) / 2.0
    return least / (least + np.median(least) + 1e-6)

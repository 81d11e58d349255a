"""Scenes of opaque leaves that can be seen from any pose: pictures whose transforms are exact, since nothing is interpolated.

A leaf is an ellipse with a linear shading and a smooth edge, a formula that is evaluated at the pixels. Sizes are spread as those
of `dead_leaves`: edges, occlusions and a spectrum like photographs'.
"""

import numpy as np

from pipelines.geometry import frames

EDGE = 2.4  # pixels from the inside of an edge to its outside: what a good lens does
COVERAGE = 3.0  # leaves over each pixel, on average


class Scene:
    """Leaves around the origin, the middle of all pictures.

    Args:
        size: pixels, the longest side of pictures that are to be filled. seed: integer.
        reach: pixels by which they are moved at the most; turned they may be by any angle.
        smallest: pixels, radius of the smallest leaves.
    """

    def __init__(self, size: int, seed: int = 0, reach: float = 0.0, smallest: float = 5.0):
        rng = np.random.default_rng(seed)
        side, largest = 1.42 * size + 2.0 * reach, 0.3 * size
        count = int(COVERAGE * side**2 / (2 * np.pi * smallest**2 * np.log(largest / smallest)))
        radii = 1.0 / np.sqrt(smallest**-2.0 - rng.random(count) * (smallest**-2.0 - largest**-2.0))
        self.axes = radii[:, None] * np.exp(rng.normal(0.0, 0.4, (count, 1)) * [1.0, -1.0])  # (count, 2)
        self.places = rng.uniform(-0.5, 0.5, (count, 2)) * side
        self.turns = rng.uniform(0.0, 360.0, count)
        self.greys = np.clip(rng.normal(120.0, 45.0, count), 0.0, 255.0)
        self.slopes = rng.normal(0.0, 15.0, count)

    def seen(self, angle: float, shift: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """The scene turned by `angle` degrees about the middle of a frame of `size` (height, width), then moved by `shift` (2,).

        Returns:
            float32 (height, width), about 0 to 255.
        """
        places = self.places @ frames.rotations(angle).T + np.asarray(shift, np.float64) + frames.centre(size)
        own = frames.rotations(self.turns + angle)  # from a leaf's own axes to the picture's
        half = np.sqrt(np.square(own) @ np.square(self.axes + EDGE)[:, :, None])[:, :, 0]  # of the box around it
        low = np.maximum(np.floor(places - half).astype(int), 0)
        high = np.minimum(np.ceil(places + half).astype(int) + 1, size[::-1])
        picture = np.full(size, 120.0, np.float32)
        for k in np.flatnonzero((low < high).all(1)):
            (left, top), (right, bottom) = low[k], high[k]
            x = np.arange(left, right, dtype=np.float32) - np.float32(places[k, 0])
            y = (np.arange(top, bottom, dtype=np.float32) - np.float32(places[k, 1]))[:, None]
            u, v = (own[k, 0, i] / self.axes[k, i] * x + own[k, 1, i] / self.axes[k, i] * y for i in (0, 1))
            inside = np.clip(0.5 - (np.sqrt(u * u + v * v) - 1.0) * (self.axes[k].min() / EDGE), 0.0, 1.0)
            inside *= inside * (3.0 - 2.0 * inside)
            part = picture[top:bottom, left:right]
            part += inside * (self.greys[k] + self.slopes[k] * u - part)
        return picture

"""A scene whose pictures are exact from any pose, and some of them."""

import numpy as np
import pytest

from pipelines.geometry import frames
from pipelines.pictures.scenes import Scene

SIZE = (200, 240)
POSES = [(0.0, (0.0, 0.0)), (2.3, (4.7, -3.2)), (0.0, (5.25, -2.5)), (151.0, (-3.4, 6.1))]


@pytest.fixture(scope="session")
def scene():
    return Scene(240, seed=3, reach=12)


@pytest.fixture(scope="session")
def views(scene):
    """Pictures (4, 200, 240), and the transforms (angle, shift) that bring each onto the first."""
    pictures = np.stack([scene.seen(angle, shift, SIZE) for angle, shift in POSES])
    truth = [frames.inverse(angle, np.array(shift)) for angle, shift in POSES]
    return pictures, truth

"""A small volume of made tissue, shaken, and what brings its sections back."""

import numpy as np
import pytest

from pipelines.pictures.tissue import made_volume

COUNT, SIZE = 12, (112, 128)


@pytest.fixture(scope="session")
def shaken():
    """Sections (12, 112, 128) uint8 and the angles (12,) and shifts (12, 2) that they were moved by."""
    rng = np.random.default_rng(5)
    poses = rng.normal(0, 1, COUNT), rng.normal(0, 2, (COUNT, 2))
    return made_volume(COUNT, SIZE, seed=2, step=1.5, poses=poses), *poses

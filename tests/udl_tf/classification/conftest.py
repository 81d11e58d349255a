"""A small stack of two views, and a run that has learned them."""

import dataclasses
import pathlib

import numpy as np
import pytest

BOX, COUNT = 32, 240
VIEWS = (((-7, 2), (2, 3), (5, 3), (4, -5)), ((0, 0), (0, 7), (-6, -3)))


@dataclasses.dataclass
class Particles:
    """images (n, 32, 32), view (n,), turn (n,) degrees: the content of an image is its view turned counter-clockwise by it."""

    images: np.ndarray
    view: np.ndarray
    turn: np.ndarray


def particles(seed, count=COUNT, noise=0.25):
    """Particles of two views by turns; a place u, v of the view is at the pixels x, y of the image, y down."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:BOX, :BOX] - BOX // 2
    images, turns = np.empty((count, BOX, BOX), np.float32), rng.uniform(-180, 180, count)
    for row, turn in enumerate(np.radians(turns)):
        u, v = np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y
        images[row] = sum(np.exp(-((u - a) ** 2 + (v - b) ** 2) / 6) for a, b in VIEWS[row % 2])
    return Particles(images + noise * rng.standard_normal(images.shape).astype(np.float32), np.arange(count) % 2, turns)


@pytest.fixture(scope="session")
def two_views():
    """The function `particles`."""
    return particles


@pytest.fixture(scope="session")
def views_run(tmp_path_factory):
    """The folder of a run of fit --preset cryo-views, beside its stack particles.mrcs."""
    from pipelines.files.mrc import write_mrc
    from udl_tf.chunks.executors import single_threaded
    from udl_tf.classification.fitting import fit_views
    from udl_tf.views.config import ViewsConfig

    single_threaded()  # as the command does: sums of several threads differ in their last digits
    folder = tmp_path_factory.mktemp("views")
    write_mrc(folder / "particles.mrcs", particles(1).images, 3.0)
    config = ViewsConfig("Two.", views=2)
    fit_views("cryo-views", config, str(folder / "particles.mrcs"), str(folder / "run"), progress=False)
    return pathlib.Path(folder / "run")

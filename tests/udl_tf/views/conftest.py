"""Small mixtures of blobs with known classes and poses."""

import numpy as np
import pytest

BOX = 32


def blobs(places, psi=0.0, offset=(0.0, 0.0), box=BOX):
    """Gaussian blobs of a view at places (x, y, width), seen as RELION says: image(x) = view(R(psi)(x + offset))."""
    y, x = np.mgrid[:box, :box] - box // 2
    x, y, c, s = x + offset[0], y + offset[1], np.cos(np.radians(psi)), np.sin(np.radians(psi))
    u, v = c * x - s * y, s * x + c * y
    return sum(np.exp(-((u - a) ** 2 + (v - b) ** 2) / (2 * w**2)) for a, b, w in places)


VIEWS = (
    ((-5.0, 0.0, 1.8), (4.0, 3.0, 2.2), (1.0, -3.0, 1.5)),
    ((0.0, 0.0, 2.6), (7.0, 0.0, 1.5), (-7.0, 0.0, 1.5)),
    ((-3.0, -3.0, 2.0), (3.0, 5.0, 1.6), (5.0, -4.0, 1.6), (-6.0, 5.0, 1.4)),
)


@pytest.fixture(scope="session")
def mixture():
    """Images (n, 32, 32), view, psi (n,) degrees, offset (n, 2) pixels."""
    rng = np.random.default_rng(3)
    count = 240
    view = np.arange(count) % len(VIEWS)
    psi, offset = rng.uniform(0, 360, count), rng.uniform(-2, 2, (count, 2))
    images = np.stack([blobs(VIEWS[k], p, o) for k, p, o in zip(view, psi, offset, strict=True)])
    images = images / images.std() * 0.6 + rng.standard_normal(images.shape)
    images -= images.mean((1, 2), keepdims=True)
    return (images / images.std((1, 2), keepdims=True)).astype(np.float32), view, psi, offset

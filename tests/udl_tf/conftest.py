"""What several tests of udl_tf share: a picture whose pose is exact by construction, and a small saved aligner."""

import dataclasses

import numpy as np
import pytest

SPOTS = np.array(  # x, y from the centre as shares of the side, width likewise, brightness
    [
        [0.00, 0.02, 0.080, 1.0],
        [0.22, 0.05, 0.045, 1.2],
        [-0.12, 0.16, 0.050, 0.9],
        [0.04, -0.24, 0.040, 1.1],
        [-0.21, -0.07, 0.060, 0.7],
        [0.12, 0.20, 0.035, 0.8],
        [-0.05, -0.10, 0.030, 0.9],
    ]
)


def render(angle, shift, size=64, spots=SPOTS):
    """Pictures (n, size, size) of spots, asymmetric by default, turned counter-clockwise by `angle`, then moved by `shift`.

    Nothing is interpolated: the picture of (b, t) and that of (a, s) are related exactly. With y up, a turn multiplies
    x + iy by exp(i angle).
    """
    angle, shift = np.atleast_1d(angle), np.atleast_2d(shift)
    z = np.exp(1j * np.deg2rad(angle))[:, None] * (spots[:, 0] - 1j * spots[:, 1]) * size
    x, y = np.meshgrid(np.arange(size) - (size - 1) / 2, np.arange(size) - (size - 1) / 2)
    x = x - (z.real + shift[:, :1])[..., None, None]
    y = y - (-z.imag + shift[:, 1:])[..., None, None]
    width = (spots[:, 2] * size)[:, None, None]
    return np.sum(spots[:, 3, None, None] * np.exp(-(x**2 + y**2) / (2 * width**2)), 1).astype(np.float32)


def symmetric_spots(order):
    """Spots of a picture that looks the same after turns by 360 / order degrees, and after no others."""
    motif = np.array([[0.20, 0.03, 0.045, 1.0], [0.30, 0.10, 0.040, 0.8]])
    turns = np.exp(2j * np.pi * np.arange(order) / order)[:, None]
    z = (turns * (motif[:, 0] - 1j * motif[:, 1])).ravel()
    return np.concatenate([np.stack([z.real, -z.imag], 1), np.tile(motif[:, 2:], (order, 1))], 1)


@pytest.fixture(scope="session")
def picture():
    """The function `render`."""
    return render


@pytest.fixture(scope="session")
def spots():
    """The spots of the asymmetric picture; a copy, to be changed at will."""
    return SPOTS.copy()


@pytest.fixture(scope="session")
def spots_of_order():
    """The function `symmetric_spots`."""
    return symmetric_spots


@pytest.fixture(scope="session")
def small_config():
    """The cryo preset for images of 64 pixels, with little data."""
    from udl_tf.presets import PRESETS

    return dataclasses.replace(PRESETS["cryo"], box=64, sources=8, steps=4, batch=16, evaluate_pairs=32)


@pytest.fixture(scope="session")
def chain(small_config):
    """The chain of an untrained group network of 64 pixels: it weighs all frequencies alike, which is a good guess."""
    from udl_tf.alignment.chain import Chain
    from udl_tf.networks.build import build

    return Chain(build(small_config), small_config)


@pytest.fixture(scope="session")
def model_folder(chain, small_config, tmp_path_factory):
    """A run folder with the SavedModel of that chain."""
    from udl_tf.alignment.saving import save
    from udl_tf.presets import as_dict

    folder = tmp_path_factory.mktemp("run")
    save(chain, folder / "model" / "1", {"config": as_dict(small_config)})
    return folder


@pytest.fixture(scope="session")
def aligner(model_folder):
    """The aligner of that model."""
    from udl_tf.alignment.aligner import Aligner

    return Aligner(model_folder / "model" / "1")

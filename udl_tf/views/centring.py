"""Averages brought to their centre of mass, so that a particle's offset means the same in every class."""

import numpy as np

ROUNDS = 3
RIM = 0.8, 0.97  # of the window's radius: what is as bright as between these is background


def images_of(grid, averages):
    """Pictures (k, box, box) of averages (k, rings, angles): low resolution, without their mean, within the window."""
    ring = np.arange(1, grid.rings + 1, dtype=np.float32)[:, None]
    half = (averages[:, :, : grid.half] * ring).reshape(len(averages), -1)
    flat = np.concatenate([half.real, half.imag], 1) @ grid.matrix.T
    return flat.reshape(len(averages), grid.box, grid.box)


def centres(grid, averages):
    """Centre of mass (k, 2) pixels of averages, relative to pixel box // 2."""
    pictures = images_of(grid, averages)
    y, x = np.mgrid[: grid.box, : grid.box] - grid.box // 2
    far = np.hypot(x, y) / grid.radius
    rim = pictures[:, (far > RIM[0]) & (far < RIM[1])]
    # Mass is what is brighter than the background and its noise.
    level = np.median(rim, 1) + rim.std(1)
    mass = np.maximum(pictures - level[:, None, None], 0.0) * (far < RIM[1])
    total = np.maximum(mass.sum((1, 2)), 1e-12)
    return np.stack([(mass * x).sum((1, 2)) / total, (mass * y).sum((1, 2)) / total], 1)


def centred(grid, views):
    """`Views` with each average's centre of mass in the middle of the box."""
    averages = views.averages
    for _ in range(ROUNDS):  # what was cut by the window comes in
        averages = averages * grid.phase(-centres(grid, averages))
    return type(views)(averages.astype(np.complex64), views.noise, views.mass)

"""Averages brought to the middle of the box, so that a particle's offset means the same in every class.

Two things tell where the middle is. One is the average's centre of mass, which noise and what a CTF takes from the lowest
frequencies move. The other is the mean of the members' offsets in the frame of the average: particles were turned at random
before they were cut out, so however they were picked, that mean is where the picked place lies in the average.
"""

import numpy as np

ROUNDS = 3
GAIN = 5.0  # nats, mean of a view's members: of noise it is 0 to 3, of faint views 5 and more
MASS = 0.5  # pixels along an axis: how far the centre of mass of an average errs as long as views are learned
DRAWS, LESS = 12, 1.4  # of noise; drawn errors are less than true ones by this (set C of `benchmarks/views.py`, draw "tune")
FAR = 4.0  # pixels: the spread of offsets where there are no members
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


def errors(grid, views, sums, rng):
    """How far the centres of mass of averages err along an axis, (k,) pixels: what noise that is left in them does to them.

    Args:
        views: `Views` that follow from sums, `Sums`. rng: draws the noise.
    """
    left = np.sqrt(views.noise / np.maximum(sums.weight, 1e-6)) * sums.wiener(views.noise)  # (k, rings)
    drawn = []
    for _ in range(DRAWS):
        noise = grid.whole(grid.sample(rng.standard_normal((len(views), grid.box, grid.box))))
        noise = noise / np.sqrt(np.square(np.abs(noise)).mean((0, 2)))[:, None] * left[:, :, None]
        drawn.append(centres(grid, views.averages + noise))
    return LESS * np.sqrt(np.var(drawn, 0).mean(1))


def centred(grid, views, fit, offset, error=MASS):
    """`Views` with the middle of each in the middle of the box, and by how much each was moved, (k, 2) pixels.

    Args:
        grid: `PolarGrid`. views: `Views`. fit: `Fit` of the members. offset: (n, 2) pixels, of the members in the frame of
            their views. error: (k,) pixels along an axis, of the centres of mass.

    Offsets of members that gain less than GAIN mean nothing. An average of noise that followed them would stay where its members
    are, and hold on to them; moved about by its mass it does not.
    """
    count, label = len(views), fit.label
    members = np.bincount(label, minlength=count)
    many = np.maximum(members, 1)[:, None]
    gained = np.bincount(label, fit.evidence, count) / many[:, 0]
    mean = np.stack([np.bincount(label, axis, count) for axis in offset.T], 1) / many
    spread = np.square(offset - mean[label]).mean(1)
    # As if one more member had been found anywhere.
    variance = (np.bincount(label, spread, count) + FAR**2) / (members + 1.0) / many[:, 0]
    trust = np.where(gained < GAIN, 1.0, variance / (np.square(error) + variance))[:, None]  # in the centre of mass
    averages, moved = views.averages, np.zeros((count, 2))
    for _ in range(ROUNDS):  # what was cut by the window comes in
        away = trust * centres(grid, averages) + (1 - trust) * (mean + moved)
        averages = averages * grid.phase(-away)
        moved = moved - away
    return type(views)(averages.astype(np.complex64), views.noise, views.mass), moved

"""Particles without a download: projections of procedural protein-like densities, hundreds of different ones.

A density is a few domains that touch each other. A domain is an ellipsoid filled with alpha-helix-like rods and loose
coil, or a ring with a hole; lengths are chosen in Angstrom like a protein's (domains 22-60 A across, helices 9-30 A long) and
then scaled to the box. Some densities are copied about an axis (C2 to C7, and stacked twice, D2 to D7). A density is a cloud of
pseudo-atoms; its projection is the sum of their footprints, blurred by a Gaussian which is the image's resolution.
"""

import numpy as np

from pipelines import geometry
from pipelines.errors import InputError

ATOM_VOLUME = 40.0  # cubic Angstrom for each pseudo-atom
MAX_EXPECTED_ERROR = 0.7  # degrees at SNR 0.1 and 128 pixels; class averages of real particles: 0.3 to 0.6
MAX_SELF_SIMILARITY = 0.8  # correlation with itself turned by 25 to 155 degrees; real class averages: up to 0.7


def particles(count, box=128, seed=0, symmetry="mixed", top_views=False):
    """Clean projections of random densities in random orientations.

    Args:
        count: number of particles, each of a density of its own.
        box: height and width in pixels. The longest diameter of a density is 45 to 85 % of it.
        seed: integer; the same arguments give the same images.
        symmetry: 1 for no symmetry, m for m-fold symmetry about an axis, ``mixed`` for three asymmetric ones in five.
        top_views: look down the symmetry axis, so that the image itself is m-fold symmetric. Images that would make the
            rotation uncertain are otherwise left out: see `is_distinct`.

    Returns:
        float32 (count, box, box), centre of mass at the centre (box - 1) / 2, largest value 1, background about 0. Half
        of them have a dark halo, as high-pass filters and the contrast transfer function leave it in class averages.

    Raises:
        InputError: symmetry is neither ``mixed`` nor a whole number above 0, or box is below 16.
    """
    if symmetry != "mixed" and not (isinstance(symmetry, int) and symmetry >= 1):
        raise InputError(f"symmetry: expected 'mixed' or a whole number above 0, got {symmetry!r}")
    if box < 16:
        raise InputError(f"particles: expected a box of at least 16 pixels, got {box}")
    rng = np.random.default_rng(seed)
    images = np.zeros((0, box, box), np.float32)
    while len(images) < count:
        batch = min(256, 2 * (count - len(images)))  # about two in three are distinct
        clouds = [_project(rng, *_density(rng, symmetry), box, top_views) for _ in range(batch)]
        made = _render(rng, clouds, box)
        images = np.concatenate([images, made if top_views else made[is_distinct(made)]])
    return images[:count]


def is_distinct(images):
    """Whether the turn of an image (batch, height, width) is well determined modulo 180 degrees: (batch,) bool.

    Two things spoil it. A nearly round particle hardly changes under a small turn: we ask that the Cramer-Rao bound of a
    pair at SNR 0.1 is at most `MAX_EXPECTED_ERROR`, in other boxes as much more or less as their pixels are fewer or more.
    A nearly 3-, 4-, ...-fold one looks the same after a large turn: we ask that the correlation with its own turned copies
    is at most `MAX_SELF_SIMILARITY`.
    """
    limit = MAX_EXPECTED_ERROR * 128 / images.shape[1]
    return (expected_error(images) <= limit) & (self_similarity(images) <= MAX_SELF_SIMILARITY)


def expected_error(images, snr=0.1):
    """Cramer-Rao bound of the mean absolute rotation error, degrees, of pairs of noisy copies of each image: (batch,)."""
    images = images - images.mean(axis=(1, 2), keepdims=True)
    y_slope, x_slope = np.gradient(images, axis=(1, 2))
    x, y = np.moveaxis(geometry.centred_grid(*images.shape[1:]), -1, 0)
    information = np.square(x * y_slope - y * x_slope).sum(axis=(1, 2))  # per square radian, for noise of variance 1
    noise = images.var(axis=(1, 2)) / snr
    sigma = np.sqrt(2 * noise / np.maximum(information, 1e-12))  # both images are noisy
    return np.rad2deg(sigma * np.sqrt(2 / np.pi))


def self_similarity(images):
    """Largest correlation of each image with itself turned by 25 to 155 degrees: (batch,)."""
    radii = np.arange(1, images.shape[1] // 2 - 1)
    x, y = np.moveaxis(geometry.polar_points(geometry.polar_angles(144), radii), -1, 0) + (images.shape[1] - 1) / 2
    samples = (images - images.mean(axis=(1, 2), keepdims=True))[:, np.rint(y).astype(int), np.rint(x).astype(int)]
    power = (np.square(np.abs(np.fft.rfft(samples, axis=1))) * radii).sum(-1)  # (batch, frequencies)
    correlation = np.fft.irfft(power, 144, axis=1)  # one value every 2.5 degrees
    return correlation[:, 10:63].max(1) / np.maximum(correlation[:, 0], 1e-12)


def _density(rng, symmetry):
    """Pseudo-atoms (atoms, 3) in Angstrom about the origin, and the order of the symmetry about z."""
    order = symmetry
    if symmetry == "mixed":
        order = 1 if rng.random() < 0.6 else int(rng.integers(2, 8))
    atoms = _assemble(rng, int(rng.integers(3, 9)) if order == 1 else int(rng.integers(1, 4)))
    if order == 1:
        return atoms, 1
    atoms = atoms @ _random_rotation(rng)
    half_width = np.percentile(np.abs(atoms[:, 1]), 95)
    atoms[:, 0] += half_width * rng.uniform(0.8, 1.1) / np.sin(np.pi / order)  # neighbours touch around the ring
    if rng.random() < 0.4:  # a second ring, back to back with the first
        atoms[:, 2] += np.percentile(np.abs(atoms[:, 2]), 95) * rng.uniform(0.8, 1.1)
        atoms = np.concatenate([atoms, atoms * [1, -1, -1]])
    turns = [_rotation_about_z(2 * np.pi * i / order) for i in range(order)]
    return np.concatenate([atoms @ turn for turn in turns]), order


def _assemble(rng, domains):
    """Domains (atoms, 3) that touch one another, centre of mass at the origin."""
    centres, radii = np.zeros((0, 3)), np.zeros(0)
    clouds = []
    for _ in range(domains):
        radius = np.exp(rng.uniform(np.log(11.0), np.log(30.0)))
        centre = np.zeros(3)
        for _attempt in range(20 if len(radii) else 0):
            parent = len(radii) - 1 if rng.random() < 0.5 else rng.integers(len(radii))
            centre = centres[parent] + _direction(rng, 1)[0] * 0.95 * (radii[parent] + radius)
            gap = np.linalg.norm(centres - centre, axis=1) / (radii + radius)
            if gap.min() > 0.7:
                break
        centres, radii = np.vstack([centres, centre]), np.append(radii, radius)
        clouds.append(centre + _domain(rng, radius))
    atoms = np.concatenate(clouds)
    return atoms - atoms.mean(0)


def _domain(rng, radius):
    """Pseudo-atoms (atoms, 3) of one domain of about this radius."""
    volume = 4 / 3 * np.pi * radius**3 * rng.uniform(0.6, 1.3)
    count = int(volume / ATOM_VOLUME)
    axes = np.exp(rng.normal(0.0, 0.35, 3))
    axes *= radius / np.prod(axes) ** (1 / 3)
    rods = max(2, count // 75)
    starts = _in_ball(rng, rods) * axes * 0.85
    hole = rng.random() < 0.2
    if hole:
        ring = rng.uniform(0, 2 * np.pi, rods)
        starts = np.stack([np.cos(ring), np.sin(ring), 0 * ring], -1) * radius * 1.1 + 0.2 * radius * _in_ball(rng, rods)
    along = rng.uniform(-0.5, 0.5, (rods, 30, 1)) * rng.uniform(9.0, 30.0, (rods, 1, 1))
    across = rng.normal(0.0, 2.2, (rods, 30, 3))
    helices = (starts[:, None] + along * _direction(rng, rods)[:, None] + across).reshape(-1, 3)
    coil = _in_ball(rng, max(count - 30 * rods, 0)) * axes  # what fills the gaps between them
    if hole:
        coil = starts[rng.integers(rods, size=len(coil))] + 0.4 * radius * _in_ball(rng, len(coil))
    return np.concatenate([helices, coil]) @ _random_rotation(rng)


def _project(rng, atoms, order, box, top_views):
    """Coordinates (atoms, 2) in pixels from the centre of mass, in a random view."""
    view = _random_rotation(rng)
    if top_views:
        view = _rotation_about_z(rng.uniform(0, 2 * np.pi))
    elif order > 1 and rng.random() < 0.3:  # side views, with the axis in the image plane, are common in practice
        view = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]) @ _rotation_about_z(rng.uniform(0, 2 * np.pi))
    atoms = atoms - atoms.mean(0)
    diameter = 2 * np.percentile(np.linalg.norm(atoms, axis=1), 99)
    return (atoms @ view)[:, :2] * (rng.uniform(0.45, 0.85) * box / diameter)


def _render(rng, clouds, box):
    """Images (batch, box, box) of clouds of points: each point is spread over its four pixels, then all are blurred."""
    index = np.repeat(np.arange(len(clouds)), [len(cloud) for cloud in clouds])
    x, y = np.clip(np.concatenate(clouds).T + (box - 1) / 2, 0, box - 1.001)
    column, row = x.astype(int), y.astype(int)
    fx, fy = x - column, y - row
    flat = (index * box + row) * box + column
    sums = np.zeros(len(clouds) * box * box)
    for step, weight in ((0, (1 - fx) * (1 - fy)), (1, fx * (1 - fy)), (box, (1 - fx) * fy), (box + 1, fx * fy)):
        sums += np.bincount(flat + step, weight, sums.size)
    images = sums.reshape(-1, box, box)

    shape, scale = (len(clouds), 1, 1), box / 128
    f2 = np.square(np.fft.fftfreq(box))[:, None] + np.square(np.fft.rfftfreq(box))
    blur = np.maximum(0.7, scale * np.exp(rng.uniform(np.log(1.0), np.log(2.4), shape)))  # sigma, pixels
    halo = scale * rng.uniform(5.0, 14.0, shape)
    depth = rng.uniform(0.4, 1.0, shape) * (rng.random(shape) < 0.5)
    transfer = np.exp(-2 * np.pi**2 * blur**2 * f2) * (1 - depth * np.exp(-2 * np.pi**2 * halo**2 * f2))
    images = np.fft.irfft2(np.fft.rfft2(images) * transfer, (box, box))
    return (images / images.max(axis=(1, 2), keepdims=True)).astype(np.float32)


def _direction(rng, count):
    """Unit vectors (count, 3), uniform on the sphere."""
    vectors = rng.normal(size=(count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _in_ball(rng, count):
    """Points (count, 3), uniform in the unit ball."""
    return _direction(rng, count) * np.cbrt(rng.random((count, 1)))


def _random_rotation(rng):
    """Rotation matrix (3, 3), uniform over all rotations (up to a mirror)."""
    matrix, triangle = np.linalg.qr(rng.normal(size=(3, 3)))
    return matrix * np.sign(np.diag(triangle))


def _rotation_about_z(radians):
    cos, sin = np.cos(radians), np.sin(radians)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])

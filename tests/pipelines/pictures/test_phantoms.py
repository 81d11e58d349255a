import numpy as np
import pytest

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.geometry import warp
from pipelines.pictures import phantoms


@pytest.fixture(scope="module")
def images():
    return phantoms.particles(60, box=128, seed=4)


def correlation(a, b):
    a, b = a - a.mean(axis=(1, 2), keepdims=True), b - b.mean(axis=(1, 2), keepdims=True)
    return (a * b).sum((1, 2)) / np.sqrt((a * a).sum((1, 2)) * (b * b).sum((1, 2)))


def radius_of_mass(images):
    """Radius (batch,) of the disc about the centre that holds 95 % of the squared density."""
    distance = np.linalg.norm(geometry.centred_grid(*images.shape[1:]), axis=-1)
    order = np.argsort(distance, axis=None)
    mass = np.cumsum(np.square(images).reshape(len(images), -1)[:, order], axis=1)
    return distance.ravel()[order][(mass < 0.95 * mass[:, -1:]).sum(1)]


def test_the_same_seed_gives_the_same_particles_and_others_differ():
    first, again, other = (phantoms.particles(6, box=64, seed=seed) for seed in (1, 1, 2))
    assert first.shape == (6, 64, 64) and first.dtype == np.float32
    np.testing.assert_array_equal(first, again)
    assert correlation(first, other).max() < 0.99
    assert correlation(first[:-1], first[1:]).max() < 0.99


@pytest.mark.parametrize("box", [16, 40, 200])
def test_every_box_has_its_particles(box):
    images = phantoms.particles(5, box, seed=3)
    assert images.shape == (5, box, box) and phantoms.is_distinct(images).all()


def test_particles_fit_in_the_box_around_its_centre(images):
    np.testing.assert_allclose(images.max((1, 2)), 1.0, rtol=1e-5)
    reach = radius_of_mass(images)
    assert (reach < 0.45 * 128).all() and (reach > 8).all()
    border = np.abs(np.concatenate([images[:, :3].reshape(60, -1), images[:, :, :3].reshape(60, -1)], 1))
    assert np.median(border.max(1)) < 0.02

    # A halo can leave next to no mass to take the centre of: only particles on a dark ground have one.
    dark = images[images.sum((1, 2)) > 200]
    assert len(dark) > 20
    grid = geometry.centred_grid(128, 128)
    centre = np.einsum("byx,yxc->bc", dark, grid) / dark.sum((1, 2))[:, None]
    assert np.abs(centre).max() < 1.0


def test_spectrum_falls_like_a_protein(images):
    """Ring-averaged amplitudes relative to rings 2-7; class averages and atomic models have 0.06-0.27 at 10-12, < 0.1 at 25."""
    k = np.fft.fftfreq(128) * 128
    ring = np.rint(np.hypot(k[:, None], k)).astype(int).ravel()
    power = np.square(np.abs(np.fft.fft2(images))).reshape(60, -1)
    power = np.stack([np.bincount(ring, each)[:64] / np.bincount(ring)[:64] for each in power])
    amplitude = np.median(np.sqrt(power / power[:, 2:8].mean(1, keepdims=True)), axis=0)
    assert 0.1 < amplitude[12] < 0.3
    assert 0.02 < amplitude[20] < 0.1
    assert amplitude[32] > 0.002  # detail down to four pixels
    assert amplitude[60] < 0.005


def test_the_angle_is_determined(images):
    assert (phantoms.expected_error(images) <= 0.7).all()
    assert (phantoms.self_similarity(images) <= 0.8).all()
    # Warping whole images sees the same: turned far, none looks like itself.
    for angle in (35.0, 60.0, 90.0, 120.0):
        turned = warp.warp(images, np.full(60, angle, np.float32), np.zeros((60, 2), np.float32)).numpy()
        assert correlation(images, turned).max() < 0.85


def test_round_and_threefold_images_are_not_distinct():
    grid = geometry.centred_grid(96, 96)
    radius, around = np.linalg.norm(grid, axis=-1), np.arctan2(grid[..., 1], grid[..., 0])
    disc = np.exp(-np.square(radius / 20))
    boomerang = np.exp(-np.square((np.linalg.norm(grid - [0, 20], axis=-1) - 25) / 4)) * (grid[..., 1] < 15)
    images = np.stack([disc, disc * (1 + np.cos(3 * around)), boomerang])
    assert phantoms.expected_error(images)[0] > 10
    assert phantoms.self_similarity(images)[1] > 0.95
    assert phantoms.is_distinct(images).tolist() == [False, False, True]


def test_expected_error_by_hand():
    # Rotating a Gaussian of width s at distance d from the centre is shifting it by d per radian. Its energy is pi s^2 and
    # that of its slope along the motion is pi / 2, so the information is d^2 pi / 2, and sigma^2 = 2 noise / information.
    grid = geometry.centred_grid(128, 128)
    s, d = 6.0, 30.0
    image = np.exp(-(np.square(grid[..., 0] - d) + np.square(grid[..., 1])) / (2 * s**2))[None]
    variance = np.pi * s**2 / 128**2 - (2 * np.pi * s**2 / 128**2) ** 2
    sigma = np.sqrt(2 * (variance / 0.1) / (d**2 * np.pi / 2))
    expected = np.rad2deg(sigma) * np.sqrt(2 / np.pi)
    np.testing.assert_allclose(phantoms.expected_error(image), expected, rtol=0.02)


@pytest.mark.parametrize("order", [3, 4])
def test_top_views_have_the_symmetry_in_the_plane(order):
    images = phantoms.particles(5, box=96, seed=7, symmetry=order, top_views=True)

    def turned(angle):
        return warp.warp(images, np.full(5, angle, np.float32), np.zeros((5, 2), np.float32)).numpy()

    assert correlation(images, turned(360.0 / order)).min() > 0.97
    # Two back-to-back rings can double the symmetry, but never all of the few.
    assert correlation(images, turned(180.0 / order)).min() < 0.9


def test_asymmetric_particles_have_no_symmetry():
    images = phantoms.particles(20, box=96, seed=3, symmetry=1)
    turned = warp.warp(images, np.full(20, 180.0, np.float32), np.zeros((20, 2), np.float32)).numpy()
    assert np.median(correlation(images, turned)) < 0.75


def test_refuses():
    with pytest.raises(InputError, match="'threefold'"):
        phantoms.particles(1, symmetry="threefold")
    with pytest.raises(InputError, match="16 pixels, got 8"):
        phantoms.particles(1, box=8)

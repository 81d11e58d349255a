"""Impulses are found and filled; everything else passes bit-identical."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from pipelines import noise
from pipelines.geometry.warp import warp
from pipelines.pictures import dead_leaves, phantoms
from udl_tf.alignment.repair import impulses, repair

SEED = tf.constant([3, 5], tf.int32)


@pytest.fixture(scope="module")
def pictures():
    return dead_leaves.dead_leaves(12, 128, 1)  # grey values 0 to 255, 8 bit


def eight_bit(images):
    return np.clip(np.rint(images), 0, 255).astype(np.float32)


def texture(size=96):
    """A grey image without sharp edges, values 80 to 170, and nothing near its own extremes but a few pixels."""
    rough = np.random.default_rng(3).normal(size=(size, size))
    smooth = cv2.GaussianBlur(rough, (0, 0), 4.0)
    return (125 + 45 * smooth / np.abs(smooth).max()).astype(np.float32)


def assert_untouched(images):
    images = np.asarray(images, np.float32)
    assert not impulses(images).numpy().any()
    assert repair(images).numpy().tobytes() == images.tobytes()


def text(rng, line_type):
    image = np.full((128, 128), 255, np.uint8)
    for y in range(12, 128, 16):
        letters = "".join(chr(c) for c in rng.integers(33, 126, 30))
        cv2.putText(image, letters, (2, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 0, 1, line_type)
    return image.astype(np.float32)


@pytest.mark.parametrize("low, high", [(0.0, 255.0), (80.0, 171.0)])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.3])
def test_impulses_are_found_and_filled_from_clean_neighbours(share, low, high):
    image = texture()
    draw = np.random.default_rng(4).random(image.shape)
    hit = (draw < share) | (draw > 1 - share)
    noisy = np.where(draw < share, low, np.where(draw > 1 - share, high, image)).astype(np.float32)
    found = impulses(noisy[None]).numpy()[0]
    visible = hit & (np.abs(noisy - image) > 10)
    assert np.mean(found[visible]) > 0.995 and np.mean(found[~hit]) < 0.002
    filled = repair(noisy[None]).numpy()[0]
    np.testing.assert_array_equal(filled[~found], noisy[~found])
    # By hand: the mean of what is not an impulse, weighted with a Gaussian of 0.8 pixels over 7 x 7, at 100 of them.
    kernel = cv2.getGaussianKernel(7, 0.8, cv2.CV_64F)
    kernel = kernel @ kernel.T
    inner = np.argwhere(found[3:-3, 3:-3])[:100] + 3
    for y, x in inner:
        window = (slice(y - 3, y + 4), slice(x - 3, x + 4))
        weights = kernel * ~found[window]
        # Where all weight is far out, the rounding of the weights shows.
        assert filled[y, x] == pytest.approx((weights * noisy[window]).sum() / weights.sum(), abs=0.5)
    assert np.abs(filled - image)[visible & found].mean() < 2.5  # the impulses themselves are off by 40 and more
    assert np.abs(noisy - image)[visible].mean() > 30


def test_all_of_a_flat_grey_with_some_noise_is_found_exactly():
    image = np.random.default_rng(5).normal(100, 3, (2, 64, 64)).astype(np.float32)
    hit = np.random.default_rng(6).random(image.shape) < 0.1
    for extreme in (0.0, 255.0):  # pepper alone, salt alone
        np.testing.assert_array_equal(impulses(np.where(hit, np.float32(extreme), image))[:], hit)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_pictures_with_salt_and_pepper_are_mended(pictures, share):
    noisy = noise.salt_and_pepper(pictures, share, SEED).numpy()
    span = np.ptp(pictures, (1, 2))[:, None, None]
    visible = np.abs(noisy - pictures) > 0.1 * span
    found = impulses(noisy).numpy()
    assert found[visible].mean() > 0.97 and found[noisy == pictures].mean() < 0.03
    before, after = (np.square(images - pictures).mean() for images in (noisy, repair(noisy).numpy()))
    assert after < 0.12 * before
    # Normalised, or on any other scale, the same pixels are found.
    np.testing.assert_array_equal(impulses(noisy * np.float32(0.25) - np.float32(7)), found)


def test_saturated_areas_stay_and_impulses_in_them_go():
    image = texture(128)
    image[:40] = 255.0  # a sky
    image[:, -24:] = 0.0  # and a black border
    assert_untouched(image[None])
    noisy = noise.salt_and_pepper(image[None], 0.1, SEED).numpy()
    found, filled = impulses(noisy).numpy()[0], repair(noisy).numpy()[0]
    sky, border = np.s_[4:36, :94], np.s_[44:, -20:]  # away from their rims
    assert not found[sky][noisy[0][sky] == 255].any() and not found[border][noisy[0][border] == 0].any()
    np.testing.assert_array_equal(filled[sky], 255.0)  # pepper was there
    np.testing.assert_allclose(filled[border], 0.0, atol=1e-4)


def test_pictures_pass_untouched(pictures):
    assert_untouched(pictures)
    assert_untouched(pictures / 255 - 0.3)
    framed = pictures.copy()
    framed[:, :20] = framed[:, -20:] = 0.0
    assert_untouched(framed)
    bright = pictures.copy()
    bright[:, :, :50] = 255.0
    assert_untouched(bright)
    turned = warp(pictures, tf.linspace(5.0, 300.0, 12), tf.zeros((12, 2))).numpy()  # with black corners
    assert_untouched(turned)
    assert_untouched(eight_bit(turned))
    assert_untouched(eight_bit(1.5 * pictures - 60))  # overexposed and underexposed


@pytest.mark.parametrize("snr", [0.05, 0.5, 5.0])
def test_gaussian_noise_passes_untouched(pictures, snr):
    noisy = noise.gaussian(pictures, snr, SEED).numpy()
    assert_untouched(noisy)
    assert_untouched(eight_bit(noisy))  # clipped: up to half of the pixels are at 0 or 255


@pytest.mark.parametrize("sigma", [0.3, 0.8, 3.0, 40.0, 60.0, 100.0])
def test_quantised_noise_passes_untouched(sigma):
    rng = np.random.default_rng(8)
    means = rng.uniform(5, 250, (20, 1, 1))
    assert_untouched(eight_bit(means + sigma * rng.normal(size=(20, 128, 128))))


@pytest.mark.parametrize("photons", [0.1, 1.0, 10.0])
def test_counted_photons_pass_untouched(pictures, photons):
    rate = photons * pictures / pictures.mean((1, 2), keepdims=True)
    assert_untouched(np.random.default_rng(9).poisson(rate))


@pytest.mark.parametrize("line_type", [cv2.LINE_8, cv2.LINE_AA])
def test_letters_pass_untouched(line_type):
    rng = np.random.default_rng(10)
    pages = np.stack([text(rng, line_type) for _ in range(6)])
    assert_untouched(pages)
    assert_untouched(255 - pages)
    assert_untouched(np.stack([cv2.GaussianBlur(page, (0, 0), 0.7) for page in pages]))


def test_particles_pass_untouched():
    clean = phantoms.particles(6, 96, 0)
    assert_untouched(clean)
    assert_untouched(np.maximum(clean, 0.0))  # half of it flat zero
    assert_untouched(np.where(clean > 0.2, clean, 0.0))  # with a sharp rim


def test_degenerate_images_pass_untouched(pictures):
    y, x = np.mgrid[:64, :64]
    checks = ((x // 2 + y // 2) % 2)[None]
    for images in (np.zeros((2, 32, 32)), np.full((1, 64, 64), 7.0), checks, 127 * ((x + y) % 3)[None]):
        assert_untouched(images)
    broken = noise.salt_and_pepper(pictures[:3], 0.1, SEED).numpy()
    broken[0, 50, 50], broken[1, 9, 9] = np.nan, np.inf
    assert_untouched(broken[:2])
    np.testing.assert_array_equal(repair(broken)[2], repair(broken[2:])[0])  # whoever stands beside
    assert repair(np.zeros((0, 32, 32), np.float32)).shape == (0, 32, 32)


def test_batches_of_any_size_and_shape_in_one_graph(pictures, tmp_path):
    module = tf.Module()
    module.repair = tf.function(repair, input_signature=(tf.TensorSpec((None, None, None)),))
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path)).repair
    noisy = noise.salt_and_pepper(np.tile(pictures, (6, 1, 1)), 0.2, SEED).numpy()  # 72: more than are examined at a time
    noisy[::2] = pictures[0]
    together = loaded(noisy).numpy()
    np.testing.assert_array_equal(together[::2], noisy[::2])
    for i in (1, 69, 71):
        np.testing.assert_allclose(together[i], repair(noisy[i : i + 1])[0], atol=1e-3)
        assert np.abs(together[i] - noisy[i]).max() > 50
    part = noisy[1:4, :90, :70]
    np.testing.assert_allclose(loaded(part), repair(part), atol=1e-3)
    assert sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()) < 300_000

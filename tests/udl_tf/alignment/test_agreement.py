"""What a pair has in common in its highest frequencies, on white textures with white noise: r = s / (1 + s)."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.geometry.warp import warp
from udl_tf.alignment.agreement import CERTAIN, MOST, Agreement
from udl_tf.networks.window import soft_disc

BOX, BAND = 64, (0.75, 0.97)
RANDOM = np.random.default_rng(0)
TEXTURE = RANDOM.normal(size=(200, BOX, BOX))


def agreed(fixed, moving, radius=0.94, angle=0.0, shift=(0.0, 0.0)):
    count = len(fixed)
    transform = tf.fill([count], angle), tf.tile(tf.constant([shift], tf.float32), (count, 1))
    images = (tf.constant(part, tf.float32) for part in (fixed, moving))
    return Agreement(BOX)(*images, *transform, BAND, soft_disc(BOX, radius)).numpy()


def chance(radius):
    """Standard deviation of the correlation of white noise in a disc: one over the root of the numbers that it holds there."""
    area = np.pi * (radius * BOX / 2) ** 2 / BOX**2
    return 1.0 / np.sqrt(area * np.pi * (BAND[1] ** 2 - BAND[0] ** 2) * (BOX / 2) ** 2)


@pytest.mark.parametrize("snr", [0.5, 4.0])
def test_it_is_the_share_of_the_signal(snr):
    fixed, moving = (np.sqrt(snr) * TEXTURE + RANDOM.normal(size=TEXTURE.shape) for _ in range(2))
    found = agreed(fixed, moving)
    assert found.mean() + CERTAIN * chance(0.94) == pytest.approx(snr / (1 + snr), abs=0.02)


def test_noise_that_each_has_for_itself_is_none():
    for radius in (0.4, 0.94):
        found = agreed(TEXTURE, RANDOM.normal(size=TEXTURE.shape), radius)
        assert np.mean(found > 0.0) < 0.02  # beyond three standard deviations
        assert found.max() < 2.0 * chance(radius)


def test_it_is_measured_where_the_transform_brings_them():
    moved = np.roll(TEXTURE, (-3, 5), (1, 2))  # by 5 pixels to the right, 3 up: what `shift` takes back
    assert agreed(TEXTURE, moved, 0.4, shift=(-5.0, 3.0)).min() > 0.75
    assert agreed(TEXTURE, moved, 0.4).max() < 0.2


def test_a_small_disc_forgives_a_turn():
    images = tf.constant(TEXTURE, tf.float32)
    turned = warp(images, tf.fill([len(TEXTURE)], 2.0), tf.zeros((len(TEXTURE), 2))).numpy()  # bilinear: not all is left
    near, whole = (agreed(TEXTURE, turned, radius).mean() for radius in (0.3, 0.94))
    assert near > 3.0 * whole


def test_an_image_and_itself_have_nearly_all_in_common():
    np.testing.assert_allclose(agreed(TEXTURE, 3.0 * TEXTURE + 5.0), np.minimum(MOST, 1.0 - CERTAIN * chance(0.94)), atol=0.02)

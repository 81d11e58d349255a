"""Tracking sequences: where the patch is, by hand and by what the frames show."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.pairs import tracking
from pipelines.pairs.tracking import Appearance
from pipelines.pictures import ArrayPictures, dead_leaves


@pytest.fixture(scope="module")
def photo():
    return dead_leaves.dead_leaves(1, 128, seed=2)[0]


def spot(place, size=65):
    """A photo of one bright spot at a point (x, y) from the centre."""
    away = geometry.centred_grid(size, size) - np.float32(place)
    return np.exp(-(away**2).sum(-1) / 8.0).astype(np.float32)


def test_motions_by_hand():
    turned = tracking.matrices([[90.0, 3.0, -4.0, 0, 0, 0, 0, 0]], 64).numpy()[0]  # (1, 0) goes to the top, (0, -1)
    np.testing.assert_allclose(turned @ [[1.0], [0.0], [1.0]], [[3.0], [-5.0], [1.0]], atol=1e-6)
    shaped = tracking.matrices([[0.0, 0.0, 0.0, 0.1, 0.05, 0.02, 0, 0]], 64).numpy()[0]
    np.testing.assert_allclose(shaped, [[1.15, 0.02, 0], [0.02, 1.05, 0], [0, 0, 1]], atol=1e-6)
    # The horizon: at the patch's right border, 32 px, the last coordinate is 1.25; the centre goes to the shift all the same.
    far = tracking.matrices([[0.0, 7.0, 1.0, 0, 0, 0, 0.25, 0]], 64).numpy()[0]
    np.testing.assert_allclose(far @ [[0.0], [0.0], [1.0]], [[7.0], [1.0], [1.0]], atol=1e-6)
    right = (far @ [[32.0], [0.0], [1.0]])[:, 0]
    assert right[2] == pytest.approx(1.25)
    np.testing.assert_allclose(right[:2] / right[2], [7.0 + 32.0 / 1.25, 1.0], atol=1e-5)


def test_a_spot_is_where_the_place_says():
    point = np.float32([6.0, -9.0])
    places = tracking.matrices([[25.0, 3.5, -2.0, 0.1, 0.0, 0.05, 0.05, -0.05], [-170.0, 0.0, 5.0, 0, 0, 0, 0, 0]], 32)
    seen = tracking.moved(tf.constant(np.stack([spot(point)] * 2)), places, 49).numpy()
    grid = geometry.centred_grid(49, 49)
    found = (seen[..., None] * grid).sum((1, 2)) / seen.sum((1, 2))[:, None]
    expected = np.einsum("nij,j->ni", places, [*point, 1.0])
    np.testing.assert_allclose(found, expected[:, :2] / expected[:, 2:], atol=0.1)


def test_paths_begin_at_rest_and_are_smooth():
    path = tracking.smooth_path(40, 200, np.random.default_rng(0))
    assert np.abs(path[0]).max() == 0.0
    assert 0.7 < np.abs(path).max() <= 1.0
    # The slope of sum w_k sin(2 pi k t + phase) / (2 sum w_k), k = 1..3, with w_k at most 1 / k^2 and at least half of that.
    steepest = 2 * np.pi / 40 * (1 + 2 / 4 + 3 / 9) / (2 * (1 + 0.5 / 4 + 0.5 / 9))
    assert 0.3 * steepest < np.abs(np.diff(path, axis=0)).max() < steepest


@pytest.mark.parametrize("kind", tracking.LIMITS)
def test_the_patch_is_found_again_at_its_place(kind, photo):
    """Nothing but the place changes: brought back by it, every frame shows the first one."""
    made = tracking.sequence(photo, 3, frames=12, size=96, patch=48, kind=kind, appearance="constant")
    assert made.frames.shape == (12, 96, 96) and made.places.shape == (12, 3, 3)
    np.testing.assert_allclose(made.places[0], np.eye(3), atol=1e-6)
    np.testing.assert_allclose(made.frames.mean((1, 2)), 0.0, atol=1e-4)
    np.testing.assert_allclose(made.frames.std((1, 2)), 1.0, atol=1e-4)
    back = tracking.moved(tf.constant(made.frames), tf.linalg.inv(made.places), 32).numpy().reshape(12, -1)
    still = made.frames[:, 32:64, 32:64].reshape(12, -1)
    found = [np.corrcoef(back[0], part)[0, 1] for part in back]
    assert min(found) > 0.93  # twice interpolated
    assert min(np.corrcoef(still[0], part)[0, 1] for part in still) < 0.6
    if kind == "rigid":
        np.testing.assert_allclose(
            made.places[:, :2, :2] @ made.places[:, :2, :2].transpose(0, 2, 1), [np.eye(2)] * 12, atol=1e-5
        )


def test_sequences_are_seeded(photo):
    first, again, other = (tracking.sequence(photo, seed, frames=4, size=64, patch=32) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.frames, again.frames)
    np.testing.assert_array_equal(first.places, again.places)
    assert np.abs(first.places - other.places).max() > 0.1
    assert np.abs(first.frames[0] - other.frames[0]).max() > 0.1  # the noise


def test_light_by_hand():
    """A black frame with one white half: gain, offset and slope of what is seen are those that were asked for."""
    image = np.zeros((1, 4, 8), np.float32)
    image[0, :, 4:] = 2.0
    look = Appearance(gain=1.0, offset=0.5, slope=0.8)

    def seen(*light):
        return tracking.appear(tf.constant(image), look, tf.constant([light], tf.float32), (0, 0)).numpy()[0]

    np.testing.assert_allclose(seen(0, 0, 0, 0, 0), image[0], atol=1e-6)
    np.testing.assert_allclose(seen(1, -1, 0, 0, 0), 2.0 * image[0] - 0.5, atol=1e-6)
    np.testing.assert_allclose(seen(-1, 0, 0, 0, 0), 0.5 * image[0], atol=1e-6)
    # Pixels 4 .. 7 lie at 1/8, 3/8, 5/8, 7/8 of the half width to the right of the centre.
    falling = 2.0 * (1.0 - 0.8 / np.sqrt(2.0) * np.array([1, 3, 5, 7]) / 8.0)
    np.testing.assert_allclose(seen(0, 0, -1, 0, 0)[2, 4:], falling, rtol=1e-5)


def test_noise_and_blur():
    """White noise of this deviation; a blur of 1 px takes (1 - exp(-1/2 w^2)) of a wave of w per pixel."""
    flat = tf.zeros((2, 64, 64))
    light = tf.constant([[0, 0, 0, 0, 0.5], [0, 0, 0, 0, 0.0]], tf.float32)
    noisy = tracking.appear(flat, Appearance(noise=0.3), light, (0, 0)).numpy()
    np.testing.assert_allclose(noisy.std((1, 2)), 0.3, rtol=0.05)
    wave = np.sin(np.arange(64) * 2 * np.pi / 8)[None, None].repeat(64, 1).repeat(2, 0).astype(np.float32)
    blurred = tracking.appear(tf.constant(wave), Appearance(blur=2.0), light, (0, 0)).numpy()
    middle = slice(16, 48)
    np.testing.assert_allclose(blurred[0, :, middle], wave[0, :, middle] * np.exp(-0.5 * (2 * np.pi / 8) ** 2), atol=2e-3)
    np.testing.assert_allclose(blurred[1], wave[1], atol=1e-5)


def test_pairs_hold_the_homography_that_brings_moving_onto_fixed(photo):
    crops = ArrayPictures(photo[None], batch=8, patch=48, max_shift=6.0, seed=0).crops()
    inputs, truth = next(iter(tracking.pairs(crops, 5, patch=32, size=48, appearance="constant")))
    assert inputs["fixed"].shape == (8, 32, 32) and inputs["moving"].shape == (8, 48, 48)
    brought = tracking.moved(inputs["moving"], truth["homography"], 24).numpy().reshape(8, -1)
    fixed = inputs["fixed"][:, 4:28, 4:28].numpy().reshape(8, -1)
    still = inputs["moving"][:, 12:36, 12:36].numpy().reshape(8, -1)
    alike = [np.corrcoef(pair)[0, 1] for pair in zip(brought, fixed)]
    assert np.median(alike) > 0.9
    assert np.median(alike) > np.median([np.corrcoef(pair)[0, 1] for pair in zip(still, fixed)]) + 0.2
    again, _ = next(iter(tracking.pairs(crops, 5, patch=32, size=48, appearance="constant")))
    np.testing.assert_array_equal(again["moving"], inputs["moving"])


def test_what_is_asked_wrongly_is_refused(photo):
    with pytest.raises(InputError, match="motion 'bent', expected one of rigid, homography"):
        tracking.sequence(photo, 0, kind="bent")
    with pytest.raises(InputError, match="appearance 'odd', expected one of constant, changing"):
        tracking.sequence(photo, 0, appearance="odd")
    with pytest.raises(InputError, match=r"photo of shape \(128, 128\).*sides of 200 or more"):
        tracking.sequence(photo, 0, size=200)

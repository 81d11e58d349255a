import numpy as np
import pytest
import tensorflow as tf

from pipelines import noise
from pipelines.errors import InputError

SEED = tf.constant([3, 5], tf.int32)


def test_gaussian_has_the_asked_snr_per_image():
    rng = np.random.default_rng(0)
    images = (rng.normal(size=(3, 128, 128)) * [[[1]], [[10]], [[3]]] + 50).astype(np.float32)
    snr = np.array([0.1, 0.5, 2.0], np.float32)
    added = noise.gaussian(images, snr, SEED).numpy() - images
    # 16384 pixels: the variance of the noise scatters by sqrt(2 / 16384) = 1.1 %
    np.testing.assert_allclose(images.var((1, 2)) / added.var((1, 2)), snr, rtol=0.05)
    assert abs(np.corrcoef(added[0].ravel(), added[1].ravel())[0, 1]) < 0.04
    same = noise.gaussian(images, 0.1, SEED)[0].numpy()
    np.testing.assert_array_equal(same, noise.gaussian(images, snr, SEED)[0].numpy())


def test_a_nan_or_constant_image_does_not_poison_its_batch():
    images = np.random.default_rng(0).normal(size=(3, 32, 32)).astype(np.float32)
    images[0, 4, 4] = np.nan
    images[1] = 7.0
    noisy = noise.gaussian(images, 0.5, SEED).numpy()
    np.testing.assert_array_equal(noisy[1], images[1])
    assert np.isfinite(noisy[2]).all() and noisy[2].var() > 2 * images[2].var()


def test_salt_and_pepper_replaces_p_of_each():
    images = np.random.default_rng(1).uniform(10, 200, (2, 200, 200)).astype(np.float32)
    noisy = noise.salt_and_pepper(images, [0.1, 0.3], SEED, low=0.0, high=255.0).numpy()
    for image, clean, proportion in zip(noisy, images, (0.1, 0.3)):
        assert np.mean(image == 0) == pytest.approx(proportion, abs=0.01)
        assert np.mean(image == 255) == pytest.approx(proportion, abs=0.01)
        kept = (image != 0) & (image != 255)
        np.testing.assert_array_equal(image[kept], clean[kept])
    own = noise.salt_and_pepper(images, 0.2, SEED).numpy()
    np.testing.assert_array_equal(own.max((1, 2)), images.max((1, 2)))
    assert np.mean(own[0] == images[0].max()) == pytest.approx(0.2, abs=0.01)


def test_gamma_is_a_power_of_the_share_of_the_range():
    image = np.linspace(10.0, 50.0, 41, dtype=np.float32).reshape(1, 1, 41)
    found = noise.gamma(np.repeat(image, 200, 0), 1.0, SEED).numpy()
    np.testing.assert_allclose(found[:, 0, [0, 40]], [[10.0, 50.0]] * 200, atol=1e-3)
    powers = np.log((found[:, 0, 20] - 10.0) / 40.0) / np.log(0.5)  # the middle grey value is half way
    assert 0.5 <= powers.min() < 0.55 and 1.8 < powers.max() <= 2.0
    np.testing.assert_allclose(found[:, 0, 10], 10.0 + 40.0 * 0.25**powers, rtol=1e-4)


def test_gradient_is_an_even_change_of_light_in_any_direction():
    images = np.full((200, 41, 41), 30.0, np.float32)
    images[:, 20, 20] = 10.0  # the darkest, from which light counts
    light = (noise.gradient(images, 0.5, SEED).numpy() - 10.0) / 20.0
    slope = np.stack([light[:, 20, 40] - light[:, 20, 0], light[:, 40, 20] - light[:, 0, 20]], -1) / 40.0 * 20.5
    np.testing.assert_allclose(np.linalg.norm(slope, axis=-1), 0.5, atol=1e-4)  # from the middle to the border
    np.testing.assert_allclose((light[:, 20, 40] + light[:, 20, 0]) / 2.0, 1.0, atol=1e-5)
    directions = np.degrees(np.arctan2(slope[:, 1], slope[:, 0]))
    assert np.histogram(directions, 4, (-180.0, 180.0))[0].min() > 30


def test_poisson_variance_is_mean():
    # Two grey values, 20 and 60, of a flat half each: mean 40, range 40, so [0, 1] has mean 0.5. At 8 photons for the mean grey
    # the bright half expects 16 photons of 2.5 grey values each, the dark one none.
    image = np.full((1, 200, 100), 20.0, np.float32)
    image[:, 100:] = 60.0
    noisy = noise.poisson(np.repeat(image, 2, 0), [8.0, 2.0], SEED).numpy()
    np.testing.assert_array_equal(noisy[:, :100], 20.0)
    for bright, per_photon, photons in ((noisy[0, 100:], 2.5, 16), (noisy[1, 100:], 10.0, 4)):
        counts = (bright - 20.0) / per_photon
        np.testing.assert_allclose(counts, np.rint(counts), atol=1e-4)
        assert counts.mean() == pytest.approx(photons, rel=0.02)  # 10,000 pixels: standard error 0.25 and 0.5 %
        assert counts.var() == pytest.approx(photons, rel=0.06)  # standard error 1.4 %
        # P(0) tells Poisson from any other noise of this variance: exp(-4) = 1.8 %.
        assert np.mean(counts == 0) == pytest.approx(np.exp(-photons), abs=0.006)


def test_poisson_keeps_the_image_on_average():
    image = np.random.default_rng(4).uniform(-3, 5, (1, 24, 24)).astype(np.float32)
    mean = noise.poisson(np.repeat(image, 4000, 0), 5.0, SEED).numpy().mean(0)
    # variance = range * mean of [0, 1] * grey above minimum / photons, at most 8 * 0.5 * 8 / 5 = 6.4: standard error 0.04
    np.testing.assert_allclose(mean, image[0], atol=0.2)
    assert abs(np.mean(mean - image[0])) < 0.01


def test_poisson_leaves_constant_and_broken_images_to_themselves():
    images = np.random.default_rng(0).normal(size=(3, 32, 32)).astype(np.float32)
    images[0, 4, 4] = np.nan
    images[1] = 7.0
    noisy = noise.poisson(images, 5.0, SEED).numpy()
    np.testing.assert_array_equal(noisy[1], images[1])
    assert np.isfinite(noisy[2]).all() and noisy[2].var() > 1.2 * images[2].var()


def test_blur_is_a_convolution_with_a_gaussian():
    images = np.random.default_rng(5).normal(size=(2, 21, 24)).astype(np.float32)
    sigmas = (1.5, 0.6)
    blurred = noise.blur(images, sigmas).numpy()
    for image, got, sigma in zip(images, blurred, sigmas):
        for y, x in ((10, 12), (0, 5), (20, 23)):  # inside, at a border and in a corner
            weights = np.exp(-(np.square(np.arange(21) - y)[:, None] + np.square(np.arange(24) - x)) / (2 * sigma**2))
            assert got[y, x] == pytest.approx((weights * image).sum() / weights.sum(), abs=1e-5)
    # Of an impulse 1 px wide in the middle: 1 / (sigma sqrt(2 pi)) squared.
    impulse = np.zeros((1, 41, 41), np.float32)
    impulse[0, 20, 20] = 1.0
    assert noise.blur(impulse, 2.0).numpy()[0, 20, 20] == pytest.approx(1 / (2 * np.pi * 4), rel=1e-3)
    np.testing.assert_array_equal(noise.blur(images, 0.0), images)


def test_contrast_changes_deviation_and_mean_within_bounds():
    image = np.random.default_rng(6).normal(50.0, 10.0, (1, 16, 16)).astype(np.float32)
    changed = noise.contrast(np.repeat(image, 2000, 0), 1.0, SEED).numpy()
    gain = changed.std((1, 2)) / image.std()
    offset = (changed.mean((1, 2)) - image.mean()) / image.std()
    assert 0.5 <= gain.min() < 0.505 and 1.98 < gain.max() <= 2.001
    assert abs(np.log2(gain).mean()) < 0.04  # log-uniform in [1/2, 2]: standard error 0.013
    assert abs(np.mean(gain < 2**-0.5) - 0.25) < 0.04
    assert -1.0 <= offset.min() < -0.99 and 0.99 < offset.max() <= 1.0 and abs(offset.mean()) < 0.04
    assert abs(np.corrcoef(gain, offset)[0, 1]) < 0.08
    rebuilt = image.mean() + offset[:, None, None] * image.std() + gain[:, None, None] * (image - image.mean())
    np.testing.assert_allclose(changed, rebuilt, atol=2e-3)
    one, other = noise.contrast(np.repeat(image, 2, 0), [0.0, 0.5], SEED).numpy()
    np.testing.assert_allclose(one, image[0], rtol=1e-6)
    assert abs(other - image[0]).max() > 0.1


@pytest.mark.parametrize(
    "text, expected, written",
    [
        ("clean", noise.Noise("clean"), "clean"),
        ("gaussian:0.5", noise.Noise("gaussian", 0.5), "gaussian:0.5"),
        ("s&p:0.2", noise.Noise("salt-and-pepper", 0.2), "salt-and-pepper:0.2"),
        ("Salt-and-Pepper:0.3", noise.Noise("salt-and-pepper", 0.3), "salt-and-pepper:0.3"),
        ("poisson:20", noise.Noise("poisson", 20.0), "poisson:20"),
        ("blur:1.5", noise.Noise("blur", 1.5), "blur:1.5"),
        ("contrast:0.5", noise.Noise("contrast", 0.5), "contrast:0.5"),
        ("gamma:2", noise.Noise("gamma", 2.0), "gamma:2"),
        ("gradient:0.9", noise.Noise("gradient", 0.9), "gradient:0.9"),
    ],
)
def test_parse(text, expected, written):
    assert noise.parse(text) == expected
    assert str(expected) == written


@pytest.mark.parametrize(
    "text, message",
    [
        (
            "fog:0.1",
            "expected one of clean, gaussian:LEVEL, salt-and-pepper:LEVEL, poisson:LEVEL, blur:LEVEL, contrast:LEVEL",
        ),
        ("gaussian", "number for LEVEL"),
        ("gaussian:loud", "number for LEVEL"),
        ("gaussian:0", "above 0"),
        ("gaussian:nan", "above 0"),
        ("s&p:0.6", "at most 0.5"),
        ("clean:1", "takes no level"),
    ],
)
def test_parse_refuses(text, message):
    with pytest.raises(InputError, match=message):
        noise.parse(text)


def test_apply_does_what_the_text_says():
    images = np.random.default_rng(3).uniform(0, 255, (2, 32, 32)).astype(np.float32)
    np.testing.assert_array_equal(noise.apply(noise.parse("clean"), images, SEED), images)
    np.testing.assert_array_equal(noise.apply(noise.parse("gaussian:0.5"), images, SEED), noise.gaussian(images, 0.5, SEED))
    np.testing.assert_array_equal(noise.apply(noise.parse("s&p:0.1"), images, SEED), noise.salt_and_pepper(images, 0.1, SEED))
    for kind, add in (("poisson", noise.poisson), ("blur", noise.blur), ("contrast", noise.contrast)):
        np.testing.assert_array_equal(noise.apply(noise.parse(f"{kind}:2"), images, SEED), add(images, 2.0, SEED))

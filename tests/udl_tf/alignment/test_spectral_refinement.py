"""Refinement in Fourier space on pictures whose pose is exact: where it ends, and how far off it says it is."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from pipelines.spectra import spectral_plane
from udl_tf.alignment.spectral_refinement import SpectralRefinement
from udl_tf.networks.window import soft_disc, windowed

HIGHEST = 20
DISC = tf.constant(soft_disc(64, 0.94, 0.04))
ANGLE = np.array([40.0, -175.0, 3.0, 90.0, 179.5])
SHIFT = np.tile([2.0, -3.0], (5, 1))
OFF = np.array([[3.0, 1.4, -1.4], [-3.0, 2.0, 0.0], [1.5, 0.0, 0.6], [3.0, -1.2, -1.6], [0.0, 0.0, 0.0]])


@pytest.fixture(scope="module")
def refinement():
    return SpectralRefinement(64, HIGHEST)


@pytest.fixture(scope="module")
def refine(refinement):
    """Images and a first guess to `Refined` in NumPy."""

    @tf.function(reduce_retracing=True)
    def graph(fixed, moving, angle, shift, steps):
        planes = [spectral_plane.plane(windowed(images, DISC), HIGHEST) for images in (fixed, moving)]
        return refinement.refine(refinement.derivatives(planes[0]), planes[1], angle, shift, steps)

    def call(fixed, moving, angle, shift, steps=8):
        found = graph(*(tf.constant(part, tf.float32) for part in (fixed, moving, angle, shift)), tf.constant(steps))
        return type(found)(*(part.numpy() for part in found))

    return call


def turn_error(found, truth):
    return (found - truth + 180) % 360 - 180


@pytest.fixture(scope="module")
def pair(picture):
    return picture(ANGLE, SHIFT), picture(np.zeros(5), np.zeros((5, 2)))


def test_noiseless_pairs_converge(refine, pair):
    found = refine(*pair, ANGLE + OFF[:, 0], SHIFT + OFF[:, 1:])
    assert np.abs(turn_error(found.angle, ANGLE)).max() < 0.1 and np.abs(found.shift - SHIFT).max() < 0.05
    assert found.angle.min() >= -180 and found.angle.max() < 180
    assert found.evidence.shape == found.variance.shape == (5,) and found.variance.max() < 0.1


def test_pairs_that_need_no_interpolation_converge_further(refine, picture):
    """About the centre, where the window cuts both alike, at angles where frequencies fall on frequencies."""
    truth, start = np.array([0.0, 90.0, 180.0, -90.0, 0.0]), OFF.copy()
    found = refine(picture(truth, np.zeros((5, 2))), picture(np.zeros(5), np.zeros((5, 2))), truth + start[:, 0], start[:, 1:])
    assert np.abs(turn_error(found.angle, truth)).max() < 0.02 and np.abs(found.shift).max() < 0.02


def test_the_evidence_is_largest_at_the_truth(refine, pair):
    at_truth = refine(*pair, ANGLE, SHIFT, steps=0)
    for off in (3.0, -8.0, 180.0):
        assert np.all(at_truth.evidence > 1.1 * refine(*pair, ANGLE + off, SHIFT, steps=0).evidence)
    assert np.all(at_truth.evidence > 1.1 * refine(*pair, ANGLE, SHIFT + 2.0, steps=0).evidence)


def test_grey_values_do_not_matter(refine, pair):
    start = ANGLE + OFF[:, 0], SHIFT + OFF[:, 1:]
    plain, other = refine(*pair, *start), refine(3.0 * pair[0] + 3.0, 3.0 * pair[1] - 1.0, *start)
    np.testing.assert_allclose(turn_error(plain.angle, other.angle), np.zeros(5), atol=2e-3)
    for name in ("shift", "evidence", "variance"):
        np.testing.assert_allclose(getattr(plain, name), getattr(other, name), rtol=1e-2, atol=2e-3)


def noisy(picture, level, count, seed):
    """Pairs with noise of their own in both images, and the truth."""
    rng = np.random.default_rng(seed)
    angle, shift = rng.uniform(-180, 180, count), rng.uniform(-3, 3, (count, 2))
    clean = picture(angle, shift), picture(np.zeros(count), np.zeros((count, 2)))
    return [images + rng.normal(0, level, images.shape) for images in clean], angle, shift


def test_the_variance_is_that_of_the_errors(refine, picture):
    predicted = []
    for level in (0.1, 0.25, 0.5):
        images, angle, shift = noisy(picture, level, 200, 3)
        found = refine(*images, angle, shift)
        error = turn_error(found.angle, angle)
        spread = np.sqrt(np.mean(np.square(error[np.abs(error) < 10])))
        predicted.append(np.sqrt(np.median(found.variance)))
        assert 1 / 2.5 < spread / predicted[-1] < 2.5, (level, spread, predicted)
        assert np.median(np.hypot(*(found.shift - shift).T)) < 1.5 * level
    assert predicted[0] * 1.5 < predicted[1] and predicted[1] * 1.3 < predicted[2]


def test_where_it_starts_does_not_matter_under_noise(refine, picture):
    images, angle, shift = noisy(picture, 0.15, 40, 4)
    rng = np.random.default_rng(5)
    signs = rng.choice([-1.0, 1.0], (3, 40, 1))
    ends = [
        refine(*images, angle + s * 3.0 * signs[0, :, 0], shift + s * np.concatenate([1.5 * signs[1], 1.5 * signs[2]], 1), 25)
        for s in (1, -1)
    ]
    assert np.abs(turn_error(ends[0].angle, ends[1].angle)).max() < 0.1
    assert np.abs(ends[0].shift - ends[1].shift).max() < 0.05
    assert np.abs(turn_error(ends[0].angle, angle)).mean() < 0.6


def test_coherence_tells_the_signal_to_noise_ratio(refinement, picture):
    """Against the ring powers of the clean picture and of noise, whose power is the same at all frequencies."""
    level = 0.3
    images, angle, shift = noisy(picture, level, 100, 6)
    planes = [spectral_plane.plane(windowed(tf.constant(part, tf.float32), DISC), HIGHEST) for part in images]
    aligned = refinement.transformed(planes[1], tf.constant(angle, tf.float32), tf.constant(shift, tf.float32))
    found = refinement.rings.coherence(refinement.derivatives(planes[0])[:, 3], aligned)[0].numpy().mean(0)
    clean = np.fft.fft2(windowed(tf.constant(picture(0.0, (0.0, 0.0))), DISC).numpy()[0])
    ring = np.rint(np.hypot(*np.meshgrid(np.fft.fftfreq(64, 1 / 64), np.fft.fftfreq(64, 1 / 64)))).astype(int)
    # The means over rings are smoothed before the ratio is taken.
    smooth = np.exp(-0.5 * ((np.arange(21)[:, None] - np.arange(21)) / 2.5) ** 2) * np.bincount(ring.ravel())[:21]
    signal = (
        smooth @ [np.mean(np.abs(clean[ring == r]) ** 2) * (r > 0) for r in range(21)] / (smooth * (np.arange(21) > 0)).sum(1)
    )
    expected = signal / (signal + level**2 * np.sum(DISC.numpy() ** 2))
    np.testing.assert_allclose(found[2:15], expected[2:15], atol=0.06)
    assert expected[2] > 0.95 and expected[14] < 0.2


def test_the_potential_is_about_the_evidence_of_a_right_pair(refine, picture):
    """It is told from the powers alone, so that it is the same for a wrong transform, which has far less evidence."""
    images, angle, shift = noisy(picture, 0.3, 60, 7)
    right, wrong = refine(*images, angle, shift), refine(*images, angle + 120.0, shift, steps=0)
    assert 0.5 < np.median(right.evidence) / np.median(right.potential) < 2.0
    np.testing.assert_allclose(np.median(wrong.potential), np.median(right.potential), rtol=0.2)
    assert np.median(wrong.evidence) < 0.5 * np.median(wrong.potential)


def test_pairs_do_not_see_each_other(refine, pair):
    start = ANGLE + OFF[:, 0], SHIFT + OFF[:, 1:]
    together = refine(*pair, *start)
    fixed, moving = (images.copy() for images in pair)
    fixed[2], moving[3] = 0.0, 0.0
    with_empty = refine(fixed, moving, *start)
    rest = [0, 1, 4]
    for one, other in zip(together, with_empty):
        np.testing.assert_allclose(one[rest], other[rest], rtol=1e-4, atol=1e-4)
        assert np.isfinite(other).all()
    assert with_empty.evidence[2:4].max() < 1e-3
    alone = refine(*(images[1:2] for images in pair), *(part[1:2] for part in start))
    np.testing.assert_allclose(turn_error(alone.angle, together.angle[1:2]), [0.0], atol=1e-4)


def test_derivatives_are_the_changes_of_the_transformed(refinement, picture):
    planes = spectral_plane.plane(windowed(tf.constant(picture(20.0, (1.0, 2.0))), DISC), HIGHEST)
    turn, right, down, still = refinement.derivatives(planes).numpy()[0]  # each (2, n)
    small = 0.01
    for derivative, angle, shift in ((right, 0.0, (small, 0.0)), (down, 0.0, (0.0, small))):
        change = (refinement.transformed(planes, tf.constant([angle]), tf.constant([shift])).numpy()[0] - still) / small
        assert np.linalg.norm(change - derivative) < 0.02 * np.linalg.norm(derivative)
    exact = [windowed(tf.constant(picture(a, geometry_moved(a))), DISC) for a in (20.5, 19.5)]
    points = spectral_plane.disc(HIGHEST)
    change = np.subtract(*(spectral_plane.upright(spectral_plane.plane(images, HIGHEST), points).numpy()[0] for images in exact))
    assert np.linalg.norm(change - turn) < 0.15 * np.linalg.norm(change)


def geometry_moved(angle):
    """Where the point (1, 2) of the picture at 20 degrees goes when it is turned further to `angle`."""
    return geometry.rotate_points(tf.constant(angle - 20.0), tf.constant([1.0, 2.0])).numpy()


def test_a_clean_reference_of_other_grey_values_has_the_same_error_bar(refine, picture):
    """The noise is all in the moving image: neither the scale of either image nor which is brighter may change what is told."""
    rng = np.random.default_rng(8)
    angle, shift = rng.uniform(-180, 180, 60), rng.uniform(-3, 3, (60, 2))
    fixed = picture(angle, shift)
    moving = picture(np.zeros(60), np.zeros((60, 2))) + rng.normal(0, 0.35, fixed.shape)
    plain, scaled = refine(fixed, moving, angle, shift), refine(0.02 * fixed, 5.0 * moving, angle, shift)
    for name in ("variance", "evidence", "potential"):
        np.testing.assert_allclose(getattr(plain, name), getattr(scaled, name), rtol=0.02)
    spread = np.sqrt(np.mean(turn_error(plain.angle, angle) ** 2))
    assert 1 / 2.5 < spread / np.sqrt(np.median(plain.variance)) < 2.5
    assert 0.5 < np.median(plain.evidence) / np.median(plain.potential) < 2.0


@pytest.mark.parametrize("levels", [(0.35, 0.0), (0.0, 0.35), (0.5, 0.5)])
def test_noise_in_either_image_does_not_slow_it_down(refine, picture, levels):
    """From 2 degrees off, six steps end where many steps end."""
    rng = np.random.default_rng(9)
    angle, shift = rng.uniform(-180, 180, 40), rng.uniform(-2, 2, (40, 2))
    clean = picture(angle, shift), picture(np.zeros(40), np.zeros((40, 2)))
    images = [part + rng.normal(0, level, part.shape) for part, level in zip(clean, levels)]
    off = 2.0 * rng.choice([-1.0, 1.0], 40)
    few, many = (refine(*images, angle + off, shift, steps) for steps in (6, 25))
    assert np.mean(np.abs(turn_error(few.angle, many.angle))) < 0.35

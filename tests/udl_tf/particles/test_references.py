"""Averages and noise spectra from the sums of a pass: a known picture, known noise, and how much of itself a particle finds."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from pipelines.spectra import ctf
from udl_tf.particles import averaging, references
from udl_tf.particles.config import StackConfig
from udl_tf.particles.masks import framed, mask_of, window_of
from udl_tf.particles.measures import ring_correlation
from udl_tf.particles.refinement import ReferenceRefinement
from udl_tf.particles.rings import Rings

SIZE, COUNT, NOISE = 48, 160, 1.5
CONFIG = StackConfig("stack", "model", "stamp", SIZE, 0.45 * SIZE)
RINGS = Rings(SIZE)


def chunk(images, angle, rows, ctfs=None, weight=None):
    """What `chunk_functions.add_up` returns of a chunk."""
    n = len(images)
    weight = np.ones(n, np.float32) if weight is None else weight.astype(np.float32)
    poses = tf.constant(angle, tf.float32), tf.zeros((n, 2)), tf.constant(weight)
    added = averaging.sums(tf.constant(images), ctfs, *poses, tf.constant(rows % 2, tf.int32))
    seen = np.square(np.abs(np.fft.rfft2(framed(images, window_of(SIZE)).numpy()))).sum(0)
    squares = np.full(seen.shape, float(n)) if ctfs is None else np.square(ctfs).sum(0)
    names = references.Totals.NAMES
    assert names == ("numerator", "denominator", "power", "ctf_power", "count")
    return dict(zip(names, (*added, RINGS.means(seen), RINGS.means(squares), np.array(n)), strict=True))


def totals(images, angle=None, ctfs=None, weight=None):
    result = references.Totals()
    result.add(chunk(images, np.zeros(len(images)) if angle is None else angle, np.arange(len(images)), ctfs, weight))
    return result


@pytest.fixture(scope="module")
def clean(picture):
    return picture(0.0, (0.0, 0.0), SIZE)[0]


@pytest.fixture(scope="module")
def noise():
    return NOISE * np.random.default_rng(3).standard_normal((COUNT, SIZE, SIZE)).astype(np.float32)


@pytest.fixture(scope="module")
def made(clean, noise):
    """Reference and picture of particles that lie exactly on each other."""
    return references.emerging(totals(clean + noise), CONFIG)


def test_the_noise_is_what_the_average_does_not_explain(made):
    reference, _ = made
    wanted = NOISE**2 * SIZE**2
    assert reference.power.shape == (SIZE // 2 + 1,) and reference.power[0] == reference.power[1]
    # A ring of radius r has about 2 pi r frequencies in each of 160 images; the window leaves the least rings some signal.
    np.testing.assert_allclose(reference.power[3:], wanted, rtol=0.1)
    np.testing.assert_allclose(reference.power[1:3], wanted, rtol=0.3)


def test_coloured_noise_has_its_spectrum(clean, noise):
    y, x = np.fft.fftfreq(SIZE)[:, None] * SIZE, np.arange(SIZE // 2 + 1)[None]
    colour = 1.0 / (1.0 + np.hypot(y, x) / 6.0)
    coloured = np.fft.irfft2(np.fft.rfft2(noise) * colour, (SIZE, SIZE)).astype(np.float32)
    reference, _ = references.emerging(totals(clean + coloured), CONFIG)
    wanted = NOISE**2 * SIZE**2 / (1.0 + np.arange(SIZE // 2 + 1) / 6.0) ** 2
    np.testing.assert_allclose(reference.power[4:], wanted[4:], rtol=0.15)


def test_with_a_ctf_the_signal_in_the_images_is_weaker(clean, noise):
    values = ctf.ctf(SIZE, 3.0, np.linspace(12000, 24000, COUNT)).numpy()
    images = (np.fft.irfft2(np.fft.rfft2(clean) * values, (SIZE, SIZE)) + 0.4 * noise).astype(np.float32)
    reference, picture = references.emerging(totals(images, ctfs=values), CONFIG)
    np.testing.assert_allclose(reference.power[4:], 0.16 * NOISE**2 * SIZE**2, rtol=0.15)
    mask = mask_of(CONFIG) > 0.5
    assert np.corrcoef(picture.average[mask], clean[mask])[0, 1] > 0.98
    assert np.corrcoef(images.mean(0)[mask], clean[mask])[0, 1] < 0.8  # what a plain mean would be


def test_filtering_leaves_what_the_halves_have_in_common(made, clean):
    reference, picture = made
    mask = mask_of(CONFIG)
    assert reference.averages.dtype == np.float32 and reference.averages.shape == (2, SIZE, SIZE)
    assert picture.frc[1:5].min() > 0.9 and np.abs(picture.frc[14:]).mean() < 0.2
    np.testing.assert_allclose(picture.frc, ring_correlation(*picture.halves, mask))
    inside = mask > 0.5
    quality = [
        np.corrcoef(image[inside], clean[inside])[0, 1] for image in (picture.halves[0], reference.averages[0], picture.average)
    ]
    assert quality[2] > quality[1] > quality[0] + 0.01 and quality[2] > 0.98
    left = RINGS.means(np.square(np.abs(np.fft.rfft2(reference.averages[0]))))
    before = RINGS.means(np.square(np.abs(np.fft.rfft2(picture.halves[0]))))
    assert (left[16:23] / before[16:23]).mean() < 0.1  # nothing but noise
    wanted = RINGS.means(np.square(np.abs(np.fft.rfft2(clean * mask))))
    np.testing.assert_allclose(left[1:5], wanted[1:5], rtol=0.2)
    assert 0 < reference.highest <= (SIZE - 1) // 2


def test_the_halves_never_see_each_other(clean, noise):
    """Other images in the odd rows change the even rows' average in nothing but its filter."""
    images = clean + noise
    other = images.copy()
    other[1::2] = clean + noise[1::2, ::-1, ::-1]
    (_, one), (_, two) = (references.emerging(totals(part), CONFIG) for part in (images, other))
    np.testing.assert_array_equal(one.halves[0], two.halves[0])
    assert np.abs(one.halves[1] - two.halves[1]).max() > 0.1
    mean = images[::2].mean(0)  # an unfiltered half is the mean of its images, sharpened
    spectrum = np.fft.rfft2(one.halves[0]) * RINGS.fade * (1 + 1e-3)
    np.testing.assert_allclose(spectrum * RINGS.inside, np.fft.rfft2(mean) * RINGS.inside, atol=0.5)


def test_an_empty_half_is_lent_the_other(clean, noise):
    weight = (np.arange(COUNT) % 2).astype(float)
    reference, picture = references.emerging(totals(clean + noise, weight=weight), CONFIG)
    np.testing.assert_array_equal(picture.halves[0], picture.halves[1])
    assert np.isfinite(reference.averages).all() and np.isfinite(reference.power).all() and np.isfinite(reference.own).all()


def test_at_each_distance_that_counts_which_both_halves_show():
    """By hand: the same within 10 pixels, half as much in one as in the other up to 17, of opposite sign beyond."""
    radius = np.hypot(*(np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2))
    wave = 1.0 + np.sin(np.arange(SIZE * SIZE)).reshape(SIZE, SIZE)
    second = np.select([radius < 10, radius < 17], [1.0, 0.5], -1.0)
    agreed = references._agreed(np.stack([wave, second * wave]))
    np.testing.assert_allclose(agreed[radius < 7.5], 1.0, atol=1e-9)
    np.testing.assert_allclose(agreed[(radius > 12.5) & (radius < 14.5)], 0.5 / ((1.0 + 0.25) / 2), atol=1e-9)
    np.testing.assert_array_equal(agreed[radius > 20], 0.0)


@pytest.mark.parametrize("radius", [0.45, 0.25])
def test_members_of_noise_are_not_found_in_their_average(radius):
    """Stacks of nothing but noise: what a particle finds of itself in its own half's average is known, and taken away.

    Without it, the mean detection is about the root of (numbers compared / images of a half), times the share within the mask.
    """
    setting = dataclasses.replace(CONFIG, mask_radius=radius * SIZE)
    random = np.random.default_rng(6)
    images = random.standard_normal((80, SIZE, SIZE)).astype(np.float32)
    angle = random.uniform(-180, 180, 80).astype(np.float32)
    reference, _ = references.emerging(totals(images, angle), setting)
    refinement = ReferenceRefinement(SIZE, 16)
    spectra = refinement.spectra(framed(images, window_of(SIZE)))
    power = reference.power[:17].astype(np.float32)
    detections = {}
    for number, table in enumerate(tf.unstack(refinement.table(tf.constant(reference.averages)))):
        rows = np.arange(number, 80, 2)
        own = np.tile(reference.own[number, :17], (40, 1)).astype(np.float32)
        for name, share in (("blind", 0.0 * own), ("known", own)):
            pose = tf.constant(angle[rows]), tf.zeros((40, 2))
            fit = refinement.step(
                table,
                refinement.round(table),
                tf.gather(spectra, rows),
                tf.ones_like(spectra[:40], tf.float32),
                power,
                share,
                *pose,
            )
            detections.setdefault(name, []).append(fit.detection.numpy())
    blind, known = (np.concatenate(detections[name]) for name in ("blind", "known"))
    assert blind.mean() - known.mean() > 0.9
    assert abs(known.mean()) < 0.7 and 0.75 < known.std() < 1.25  # known to 0.11


def test_a_given_reference_of_any_contrast(clean, noise):
    """Each of its rings is brought to what the particles hold of it: grey values of a file mean nothing."""
    sums = totals(clean + noise)
    (one, picture), (two, _) = (references.given(image, sums, CONFIG) for image in (clean, 37.0 * clean + 500.0))
    assert np.abs(one.averages - two.averages).max() < 1e-3 * np.ptp(one.averages)
    assert not one.own.any()  # nothing of the particles is in it
    np.testing.assert_array_equal(one.averages[0], one.averages[1])
    inside = mask_of(CONFIG) > 0.5
    slope, _ = np.polyfit(clean[inside], one.averages[0][inside], 1)
    assert 0.9 < slope < 1.1 and np.corrcoef(clean[inside], one.averages[0][inside])[0, 1] > 0.98
    # The picture is that of the particles all the same.
    np.testing.assert_array_equal(picture.halves, references.emerging(sums, CONFIG)[1].halves)
    negative, _ = references.given(-clean, sums, CONFIG)  # of the wrong contrast: a white particle in black images
    assert np.corrcoef(negative.averages[0].ravel(), one.averages[0].ravel())[0, 1] > 0.9


def test_totals_add_up(clean, noise):
    images = clean + noise
    rows, zeros = np.arange(COUNT), np.zeros(COUNT)
    parts = references.Totals()
    for part in (slice(0, 50), slice(50, COUNT)):
        parts.add(chunk(images[part], zeros[part], rows[part]))
    whole = totals(images)
    for name in references.Totals.NAMES:
        np.testing.assert_allclose(parts.sums[name], whole.sums[name], rtol=1e-4, atol=1e-2)
        assert parts.sums[name].dtype == np.float64
    assert parts.sums["count"] == COUNT


def test_clean_images_have_some_noise(clean):
    """Of interpolation, if nothing else: no frequency counts infinitely."""
    reference, _ = references.emerging(totals(np.stack([clean] * 20)), CONFIG)
    assert (reference.power > 0).all() and np.isfinite(reference.power).all()

"""Peaks of a circular correlation, by hand."""

import numpy as np
import tensorflow as tf

from udl_tf.alignment.peaks import parabola_peak, peaks


def bumps(places, heights, samples=180, width=3.0):
    """A circular curve (1, samples) with a bump of some height at each place, in samples."""
    i = np.arange(samples)
    distance = [np.abs((i - place + samples / 2) % samples - samples / 2) for place in places]
    return np.max([h * np.exp(-((d / width) ** 2) / 2) for d, h in zip(distance, heights)], 0).astype(np.float32)[None]


def test_highest_first_between_samples_and_around_the_end():
    curves = np.concatenate([bumps([40.3, 179.7, 100], [0.5, 0.9, 0.7]), bumps([0.2, 90, 120.5], [0.8, 0.1, 0.3])])
    found = peaks(tf.constant(curves), 3, 180.0)
    np.testing.assert_allclose(found.angle, [[179.7, 100, 40.3], [0.2, 120.5, 90]], atol=0.05)


def test_values_and_indices_are_those_of_the_samples():
    curve = bumps([40.3, 179.7, 100], [0.5, 0.9, 0.7])
    found = peaks(tf.constant(curve), 3, 180.0)
    assert found.index.numpy().tolist() == [[0, 100, 40]]
    np.testing.assert_array_equal(found.value, curve[0][found.index.numpy()])
    np.testing.assert_allclose(found.value, [[0.9, 0.7, 0.5]], atol=0.01)


def test_the_period_scales_the_angles():
    found = peaks(tf.constant(bumps([30, 100], [1.0, 0.5])), 2, 360.0)
    np.testing.assert_allclose(found.angle, [[60, 200]], atol=0.1)
    assert found.index.numpy().tolist() == [[30, 100]]


def test_peaks_are_apart():
    curve = tf.constant(bumps([50, 54, 80], [1.0, 0.9, 0.3], width=1.0))
    np.testing.assert_allclose(peaks(curve, 2, 180.0).angle, [[50, 80]], atol=0.1)
    np.testing.assert_allclose(peaks(curve, 2, 180.0, separation=3.0).angle, [[50, 54]], atol=0.1)
    across = tf.constant(bumps([178, 2, 80], [1.0, 0.9, 0.3], width=1.0))  # the end of the circle does not part them
    np.testing.assert_allclose(peaks(across, 2, 180.0).angle, [[178, 80]], atol=0.1)


def test_a_lower_maximum_ranks_above_the_slope_of_a_higher_one():
    curve = bumps([50, 120], [1.0, 0.01], width=10.0)
    np.testing.assert_allclose(peaks(tf.constant(curve), 2, 180.0).angle, [[50, 120]], atol=0.2)


def test_maxima_below_zero_rank_above_slopes_too():
    curve = bumps([50, 120], [1.0, 0.3], width=4.0) - 0.9
    np.testing.assert_allclose(peaks(tf.constant(curve), 2, 180.0).angle, [[50, 120]], atol=0.2)


def test_too_few_maxima_are_filled_up():
    found = peaks(tf.constant(bumps([50], [1.0], width=20.0)), 3, 180.0).angle.numpy()[0]
    assert abs(found[0] - 50) < 0.1 and len(set(np.round(found))) == 3
    assert np.isfinite(found).all() and found.min() >= 0 and found.max() < 180
    assert np.isfinite(peaks(tf.zeros((1, 36)), 2, 180.0).angle).all()


def test_parabola_by_hand():
    # -(x - 0.2)^2 at -1, 0, 1; flat; and a slope, whose top lies beyond.
    found = parabola_peak(*(tf.constant(v) for v in ([-1.44, 1.0, 3.0], [-0.04, 1.0, 2.0], [-0.64, 1.0, 1.0])))
    np.testing.assert_allclose(found, [0.2, 0.0, 0.0], atol=1e-5)
    assert abs(float(parabola_peak(tf.constant(2.0), tf.constant(1.9), tf.constant(1.0))) + 0.5) < 1e-6

"""Pairs that are there: which images a batch holds."""

import numpy as np

from pipelines import pairs


def numbered(count, side=4):
    """Images of which the two values at the first places tell the number: after normalisation their ratio still does."""
    images = np.zeros((count, side, side), np.float32)
    images[:, 0, 0], images[:, 0, 1] = 1.0, 1.0 + np.arange(count)
    return images


def numbers(images):
    """Which of `numbered` each image is."""
    base = images[:, -1, -1]
    return np.rint((images[:, 0, 1] - base) / (images[:, 0, 0] - base) - 1.0).astype(int)


def test_what_belongs_together_stays_together():
    dataset = pairs.from_arrays(numbered(5), numbered(5)[:, ::-1, ::-1], 200, seed=3)
    inputs, truth = pairs.collect(dataset, 200)
    found = numbers(inputs["fixed"])
    np.testing.assert_array_equal(found, numbers(inputs["moving"][:, ::-1, ::-1]))
    assert set(found) == set(range(5)) and np.bincount(found).min() > 20  # 40 of each on average
    np.testing.assert_allclose(inputs["fixed"].mean((1, 2)), 0.0, atol=1e-6)
    np.testing.assert_allclose(inputs["fixed"].std((1, 2)), 1.0, atol=1e-5)
    assert np.isnan(truth["angle"]).all() and truth["shift"].shape == (200, 2) and np.isnan(truth["shift"]).all()


def test_a_dataset_that_begins_later_goes_on():
    whole, later, other = (
        numbers(pairs.collect(pairs.from_arrays(numbered(9), numbered(9), 8, seed, start), 24)[0]["fixed"])
        for seed, start in ((1, 0), (1, 2), (2, 0))
    )
    np.testing.assert_array_equal(whole[16:], later[:8])
    assert (whole != other).any()

"""The columns of the benchmark that say whether sigma and score hold."""

import numpy as np
import pytest

from benchmarks import confidence


def test_confidence_counts_what_it_says():
    error = np.array([0.1, 1.0, 3.0, 90.0, 40.0])
    sigma = np.array([0.1, 0.4, 2.0, 100.0, 0.1])  # held, not held, held, gross, gross
    score = np.array([0.95, 0.99, 0.5, 0.91, 0.1])
    found = confidence.columns(error, sigma, score)
    assert list(found.values()) == pytest.approx([100 * 2 / 3, 60.0, 100 / 3])
    assert confidence.gross_among_trusted(error, np.zeros(5)) is None

"""What the exhaustive search is told about photographs."""

import numpy as np
import pytest

from pipelines.noise.coloured import coloured
from udl_tf.rivals import prior


def test_photographs_have_the_signal_to_noise_ratio_of_their_spectrum():
    white = np.random.default_rng(0).normal(size=(200, 64, 64)).astype(np.float32)
    assert prior.photo_snr(white, "gaussian:0.1")[4:] == pytest.approx(0.1, rel=0.1)
    rough = coloured((40, 64, 64), np.float32([0.0] * 8 + [8.0] + [0.0] * 24), (1, 2)).numpy()
    snr = prior.photo_snr(rough, "gaussian:0.5")
    assert snr.argmax() == 8
    assert snr[:5].max() < 0.01 * snr[8]

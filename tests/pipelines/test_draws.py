"""Random numbers within an XLA program are those of TensorFlow's kernels."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import draws, xla

SEEDS = [(1, 2), (-2124193061, 676968262), (7, -1)]  # XLA extends negative ones otherwise


def compiled(function):
    """The same as one XLA program."""

    def traced(seed):
        with xla.program():
            return function(seed)

    return tf.function(traced, jit_compile=True, autograph=False)


@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(lambda seed: draws.uniform((3, 5), seed), id="uniform"),
        pytest.param(lambda seed: draws.integers((9,), seed, 3, 12), id="integers"),
        pytest.param(lambda seed: draws.split(seed, 3), id="split"),
    ],
)
def test_the_same_to_the_bit(draw):
    one = compiled(draw)
    for seed in SEEDS:
        np.testing.assert_array_equal(one(tf.constant(seed)), draw(tf.constant(seed)))


@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(lambda seed: draws.uniform((3, 5), seed, -2.0, 7.0), id="uniform, scaled"),
        pytest.param(lambda seed: draws.normal((3, 7), seed), id="normal, an odd number of them"),
    ],
)
def test_the_same_to_rounding(draw):
    one = compiled(draw)
    for seed in SEEDS:
        np.testing.assert_allclose(one(tf.constant(seed)), draw(tf.constant(seed)), rtol=0, atol=3e-6)


def test_cut_normal_numbers_have_their_distribution():
    """Of a normal distribution cut at two standard deviations: standard deviation 0.8796, a third of it beyond 0.9147."""
    numbers = compiled(lambda seed: draws.cut_normal((100_000,), seed))(tf.constant((5, 6))).numpy()
    assert np.abs(numbers).max() <= 2.0 and abs(numbers.mean()) < 0.01
    assert numbers.std() == pytest.approx(0.87962566, abs=0.006)


def test_only_inside():
    assert not xla.is_traced()
    with xla.program():
        assert xla.is_traced()
        with xla.program(False):
            assert not xla.is_traced()
    assert not xla.is_traced()

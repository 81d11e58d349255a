"""The count of operations of the throughput benchmark, against counts by hand."""

import importlib.util
import pathlib

import pytest
import tensorflow as tf

PATH = pathlib.Path(__file__).parents[1] / "benchmarks" / "operations.py"


@pytest.fixture(scope="module")
def operations():
    spec = importlib.util.spec_from_file_location("operations", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def traced(function, *shapes):
    return tf.function(function).get_concrete_function(*(tf.TensorSpec(shape) for shape in shapes))


@pytest.mark.parametrize("transpose_a", [False, True])
def test_products(operations, transpose_a):
    a = (4, 3) if transpose_a else (3, 4)
    function = traced(lambda x, y: tf.matmul(x, y, transpose_a=transpose_a), a, (4, 5))
    assert operations.count(function) == 2 * 3 * 4 * 5
    function = traced(lambda x, y: tf.matmul(x, y, transpose_a=transpose_a), (7, *a), (7, 4, 5))
    assert operations.count(function) == 7 * 2 * 3 * 4 * 5


def test_a_convolution_and_its_gradients(operations):
    def forward(x, kernel):
        return tf.nn.conv2d(x, kernel, strides=2, padding="SAME")

    def gradients(x, kernel):
        return tf.gradients(tf.reduce_sum(forward(x, kernel) ** 2), [x, kernel])

    once = 2 * (3 * 3 * 6) * (2 * 4 * 4 * 5)  # kernel 3 x 3 x 6, outputs 2 x 4 x 4 x 5
    shapes = (2, 8, 8, 6), (3, 3, 6, 5)
    assert operations.count(traced(forward, *shapes)) == once
    assert operations.count(traced(gradients, *shapes)) == 3 * once


def test_functions_within_functions_count(operations):
    inner = tf.function(lambda x: tf.matmul(x, x))
    assert operations.count(traced(lambda x: inner(x) + inner(x + 1.0), (4, 4))) == 2 * 2 * 4**3


def test_an_unknown_shape_is_not_counted_as_nothing(operations):
    with pytest.raises(ValueError, match="not known"):
        operations.count(traced(lambda x: tf.matmul(x, x, transpose_b=True), (None, 4)))

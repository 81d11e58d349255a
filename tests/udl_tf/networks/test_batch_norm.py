"""The fused batch normalisation gives what Keras's own does: outputs, gradients, running averages."""

import numpy as np
import pytest
import tensorflow as tf

from udl_tf.networks.batch_norm import BatchNormalization


def images(seed, dtype=tf.float32):
    return tf.cast(tf.random.stateless_normal((3, 5, 7, 4), (seed, 0), 2.0, 3.0), dtype)


def results(cls, **options):
    """Output in training and afterwards in inference, gradients, running averages."""
    layer = cls(momentum=0.75, epsilon=1e-3, **options)
    layer.build((None, 5, 7, 4))
    for weight, value in zip(layer.trainable_weights, ([1.0, 2.0, 0.5, -1.0], [0.0, 1.0, -3.0, 0.5]), strict=True):
        weight.assign(value)
    inputs = tf.Variable(images(1))
    with tf.GradientTape() as tape:
        output = layer(inputs, training=True)
        loss = tf.reduce_sum(output**3)
    gradients = tape.gradient(loss, [inputs, *layer.trainable_weights])
    averages = [weight.numpy() for weight in layer.non_trainable_weights]
    return [output, *gradients, *averages, layer(images(2), training=False)]


def test_numbers_are_keras_own():
    expected, found = results(tf.keras.layers.BatchNormalization), results(BatchNormalization)
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-4)


def test_by_hand():
    layer = BatchNormalization(momentum=0.75, epsilon=1e-3)
    layer.build((None, 5, 7, 4))
    x = images(1).numpy()
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    np.testing.assert_allclose(layer(x, training=True), (x - mean) / np.sqrt(variance + 1e-3), atol=1e-4)
    moving_mean, moving_variance = (weight.numpy() for weight in layer.non_trainable_weights)
    np.testing.assert_allclose(moving_mean, 0.25 * mean, rtol=1e-4)
    unbiased = variance * 105 / 104 if hasattr(layer, "fused") else variance  # Keras 2 keeps that of the population
    np.testing.assert_allclose(moving_variance, 0.75 + 0.25 * unbiased, rtol=1e-4)


@pytest.mark.parametrize("options", [{"synchronized": True}, {"scale": False}, {"dtype": "mixed_bfloat16"}])
def test_what_the_kernel_does_not_do_is_left_to_keras(options):
    x = images(3)
    expected = tf.keras.layers.BatchNormalization(**options)(x, training=True)
    found = BatchNormalization(**options)(x, training=True)
    np.testing.assert_array_equal(tf.cast(found, tf.float32), tf.cast(expected, tf.float32))


def test_saved_and_loaded(tmp_path):
    model = tf.keras.Sequential([tf.keras.Input((5, 7, 4)), BatchNormalization(momentum=0.5)])
    model(images(1), training=True)
    model.save(tmp_path / "model.keras")
    again = tf.keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(images(2)), model(images(2)), atol=1e-6)
    assert model.layers[-1].name.startswith("batch_normalization")  # as Keras names its own: weights are found by name

"""Regression: from the encoded correlation maps to one rotation (paper sections 3.3 and 4.1)."""

import tensorflow as tf


def dense_layers(size, widths=(2000, 2000), outputs=1):
    """Fully connected layers with ReLU, the last one linear.

    Args:
        size: length of one input vector.
        widths: of the hidden layers.
        outputs: 1 for `AngleHead`, 2 for `DirectionHead`.

    Returns:
        A model (batch, size) -> (batch, outputs).
    """
    hidden = [tf.keras.layers.Dense(width, "relu", kernel_initializer="he_normal") for width in widths]
    last = tf.keras.layers.Dense(outputs, kernel_initializer="he_normal")
    return tf.keras.Sequential([tf.keras.Input((size,)), *hidden, last], name="regression")


@tf.keras.utils.register_keras_serializable(package="udl_tf")
class AngleHead(tf.keras.layers.Layer):
    """The paper's scalar output: (batch, 1) in periods from the middle of the range -> (batch,) degrees.

    ``angle = period (x + 1/2)``: a fresh network starts inside [0, period], where eq. 12 wants it.
    """

    def __init__(self, period, **keras_options):
        super().__init__(**keras_options)
        self.period = period

    def call(self, x):
        return self.period * (x[:, 0] + 0.5)

    def get_config(self):
        """Keras configuration."""
        return {**super().get_config(), "period": self.period}


@tf.keras.utils.register_keras_serializable(package="udl_tf")
class DirectionHead(tf.keras.layers.Layer):
    """Two outputs to a unit vector (cos, sin) of ``360 / period`` times the angle: (batch, 2) -> (batch, 2).

    It has no seam where the angle wraps and needs no range penalty. The length is fixed to 1 because the circular UDL
    loss multiplies lengths: a free length would grow without end instead of the angle being learned.
    """

    def call(self, x):
        return tf.math.l2_normalize(x, axis=-1)

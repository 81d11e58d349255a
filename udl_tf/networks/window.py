"""A soft disc whose radius and edge are learned: the mask of the polar network."""

import numpy as np
import tensorflow as tf

from pipelines import geometry


@tf.keras.utils.register_keras_serializable(package="udl_tf")
class SoftDisc(tf.keras.layers.Layer):
    """Multiply images (batch, n, n) by a disc about their centre with a logistic edge.

    The paper's mask (section 3.3) predicts a weight for every pixel; here what is learned is how much of the frame to use.

    Args:
        radius: initial radius, as a share of half the image side. edge: initial width of the edge, in the same unit.
    """

    def __init__(self, radius=0.9, edge=0.04, **keras_options):
        super().__init__(**keras_options)
        self.radius, self.edge = radius, edge

    def build(self, input_shape):
        """Create the two weights; both are kept as logarithms, so that they stay positive."""
        size = int(input_shape[1])
        self.distance = (np.linalg.norm(geometry.centred_grid(size, size), axis=-1) / (size / 2.0)).astype(np.float32)
        self.log_radius = self.add_weight(
            name="log_radius", shape=(), initializer=tf.keras.initializers.Constant(float(np.log(self.radius)))
        )
        self.log_edge = self.add_weight(
            name="log_edge", shape=(), initializer=tf.keras.initializers.Constant(float(np.log(self.edge)))
        )

    def disc(self):
        """The disc as it is now: (n, n), values in (0, 1)."""
        return tf.sigmoid((tf.exp(self.log_radius) - self.distance) / tf.exp(self.log_edge))

    def call(self, images):
        """Weight the images, see `windowed`."""
        return windowed(images, self.disc())

    def get_config(self):
        """Keras configuration."""
        return {**super().get_config(), "radius": self.radius, "edge": self.edge}


def windowed(images, disc):
    """Images (batch, n, n) times a disc (n, n), each less its mean under the disc, so that the disc itself leaves no spectrum."""
    mean = tf.reduce_sum(images * disc, axis=(1, 2), keepdims=True) / tf.reduce_sum(disc)
    return (images - mean) * disc


def soft_disc(box, radius=0.94, edge=0.03):
    """A disc (box, box) with a logistic edge; radius and edge as shares of half the side."""
    distance = np.linalg.norm(geometry.centred_grid(box, box), axis=-1) / (box / 2.0)
    return (1.0 / (1.0 + np.exp((distance - radius) / edge))).astype(np.float32)

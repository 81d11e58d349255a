"""Input of the paper's network on cryo images: the centre of the log amplitude spectrum in [0, 1] (section 4.3)."""

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.spectra import spectrum


@tf.keras.utils.register_keras_serializable(package="udl_tf")
class SpectrumInput(tf.keras.layers.Layer):
    """Images (batch, box, box) -> centres of their amplitude spectra (batch, crop, crop) in [0, 1]; nothing is trained.

    Args:
        crop: side of the result in spectrum pixels; `box` keeps every frequency.
        pad: side the images are zero-padded to; None for no padding.
        radius: of the soft disc that windows the images, as a share of half the box. Without a window the square
            frame has a spectrum of its own, a cross that does not turn with the particle.
        transform: ``log``, ``root`` or ``none``.
    """

    def __init__(self, crop, pad=None, radius=0.9, transform="log", **keras_options):
        super().__init__(**keras_options)
        self.crop, self.pad, self.radius, self.transform = crop, pad, radius, transform

    def build(self, input_shape):
        """Draw the window: it falls from 1 to 0 over a tenth of half the box, a raised cosine about `radius`."""
        size = int(input_shape[1])
        distance = np.linalg.norm(geometry.centred_grid(size, size), axis=-1) / (size / 2.0)
        self.window = (0.5 + 0.5 * np.cos(np.pi * np.clip((distance - self.radius) / 0.1 + 0.5, 0, 1))).astype(np.float32)

    def call(self, images):
        mean = tf.reduce_sum(images * self.window, axis=(1, 2), keepdims=True) / self.window.sum()
        windowed = (images - mean) * self.window
        pad = self.pad or images.shape[1]
        return spectrum.scaled(spectrum.cartesian(windowed, self.crop, pad, self.transform))

    def get_config(self):
        """Keras configuration."""
        own = {"crop": self.crop, "pad": self.pad, "radius": self.radius, "transform": self.transform}
        return {**super().get_config(), **own}

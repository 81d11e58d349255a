"""Parts of the polar network: polar spectrum features, correlation over angles, and the direction read from it."""

import numpy as np
import tensorflow as tf

from pipelines.spectra import spectrum

PERIOD = 180.0  # of everything read from an amplitude spectrum, in degrees


def fourier_rows(harmonics, angles):
    """Cosine rows, then negative sine rows, of the harmonics 1, 2, ...: (2 * harmonics, angles), computed in the graph.

    As a stored array it would be most of what a SavedModel weighs; TensorFlow folds it when the model is loaded.
    """
    order = tf.range(1, harmonics + 1, dtype=tf.float64)
    phase = order[:, None] * tf.range(angles, dtype=tf.float64)[None, :] * (2.0 * np.pi / angles)
    return tf.cast(tf.concat([tf.cos(phase), -tf.sin(phase)], 0), tf.float32)


@tf.keras.utils.register_keras_serializable(package="udl_tf")
class PolarHarmonics(tf.keras.layers.Layer):
    """Angular Fourier coefficients of the polar amplitude spectrum, each ring with zero mean, unit power and its own weight.

    Maps windowed images (batch, n, n) to (batch, rings, 2 * harmonics): real parts of the harmonics 1, 2, ..., then imaginary.

    Args:
        first_ring, last_ring: the rings used, in spectrum pixels of 1/pad cycles per pixel; the last is left out.
        angles: samples over 180 degrees. pad: size the image is zero-padded to. harmonics: how many are kept.
        transform: see `pipelines.spectra.spectrum.compress`.
    """

    def __init__(self, first_ring, last_ring, angles, pad, harmonics, transform="root", **keras_options):
        super().__init__(**keras_options)
        self.first_ring, self.last_ring, self.angles = first_ring, last_ring, angles
        self.pad, self.harmonics, self.transform = pad, harmonics, transform

    def build(self, input_shape):
        """Create the ring weights: logarithms, from the rule of thumb k exp(-(k/16)^2/2), k in cycles per 256 pixels."""
        rings = np.arange(self.first_ring, self.last_ring)
        k = rings / (self.pad / 256.0)
        start = np.log(k) - 0.5 * (k / 16.0) ** 2
        self.rings = rings
        self.log_weight = self.add_weight(
            name="log_weight", shape=(len(rings),), initializer=lambda shape, dtype=None: tf.constant(start, tf.float32)
        )

    def call(self, images):
        """Features (batch, rings, 2 * harmonics)."""
        polar = spectrum.polar(images, self.angles, self.rings, self.pad, self.transform)  # (rings, angles, batch)
        polar -= tf.reduce_mean(polar, axis=1, keepdims=True)
        power = tf.reduce_mean(tf.square(polar), axis=1, keepdims=True)
        polar *= tf.math.rsqrt(power + 1e-12) * tf.exp(0.5 * self.log_weight)[:, None, None]
        harmonics = tf.matmul(fourier_rows(self.harmonics, self.angles)[None], polar)  # (rings, 2 harmonics, batch)
        return tf.transpose(harmonics, (2, 0, 1))

    def get_config(self):
        """Keras configuration."""
        names = ("first_ring", "last_ring", "angles", "pad", "harmonics", "transform")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@tf.keras.utils.register_keras_serializable(package="udl_tf")
class AngularCorrelation(tf.keras.layers.Layer):
    """Normalised circular cross-correlation of two sets of angular harmonics, summed over rings.

    Maps ``[fixed, moving]`` features (batch, rings, 2 * harmonics) to (batch, angles), values in [-1, 1]: entry j is the
    agreement when `moving` is turned by ``j * 180 / angles`` degrees.

    Args:
        angles: samples over 180 degrees.
    """

    def __init__(self, angles, **keras_options):
        super().__init__(**keras_options)
        self.angles = angles

    def call(self, features):
        """Correlation (batch, angles)."""
        fixed, moving = features
        f_real, f_imag = tf.split(fixed, 2, axis=-1)  # (batch, rings, harmonics)
        m_real, m_imag = tf.split(moving, 2, axis=-1)
        real = tf.reduce_sum(f_real * m_real + f_imag * m_imag, axis=1)  # (batch, harmonics), fixed * conj(moving)
        imag = tf.reduce_sum(f_imag * m_real - f_real * m_imag, axis=1)
        power = tf.reduce_sum(tf.square(fixed), axis=(1, 2)) * tf.reduce_sum(tf.square(moving), axis=(1, 2))
        spectrum_ = tf.concat([real, imag], axis=-1) * tf.math.rsqrt(power + 1e-12)[:, None]
        return tf.matmul(spectrum_, fourier_rows(fixed.shape[-1] // 2, self.angles))

    def get_config(self):
        """Keras configuration."""
        return {**super().get_config(), "angles": self.angles}


@tf.keras.utils.register_keras_serializable(package="udl_tf")
class MeanDirection(tf.keras.layers.Layer):
    """Mean direction of a correlation over angles under softmax(beta * correlation), beta learned.

    Maps (batch, angles) to (batch, 2): cosine and sine of ``360 / period`` times the angle, length in [0, 1]: short where
    the correlation has no clear peak. There is no constant C to calibrate (paper section 3.1): it is zero by construction.

    Args:
        sharpness: initial beta.
    """

    def __init__(self, sharpness=20.0, **keras_options):
        super().__init__(**keras_options)
        self.sharpness = sharpness

    def build(self, input_shape):
        """Create the weight and the unit vectors of the angles."""
        self.log_sharpness = self.add_weight(
            name="log_sharpness", shape=(), initializer=tf.keras.initializers.Constant(float(np.log(self.sharpness)))
        )
        angle = 2.0 * np.pi * np.arange(int(input_shape[-1])) / int(input_shape[-1])
        self.directions = np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)  # (angles, 2)

    def call(self, correlation):
        """Mean direction (batch, 2)."""
        return tf.matmul(tf.nn.softmax(tf.exp(self.log_sharpness) * correlation), self.directions)

    def get_config(self):
        """Keras configuration."""
        return {**super().get_config(), "sharpness": self.sharpness}

"""White Gaussian noise, the paper's first kind."""

import tensorflow as tf

from pipelines import draws
from pipelines.noise.kinds.kind import Kind


def gaussian(images, snr, seed):
    """Add white Gaussian noise of variance ``var(image) / snr``, the variance taken over each image (paper section 4.1).

    Args:
        images: float32 (batch, height, width).
        snr: scalar or (batch,), var(signal) / var(noise).
        seed: int32 (2,).
    """
    variance = tf.math.reduce_variance(images, axis=[1, 2])  # (batch,)
    sigma = tf.sqrt(variance / tf.cast(snr, tf.float32))
    return images + sigma[:, None, None] * draws.normal(tf.shape(images), seed)


KIND = Kind("gaussian:LEVEL", gaussian)

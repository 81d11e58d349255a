"""What may be wrong with a batch of images: noise of several kinds, blur, another contrast. Spectra are in `noise_spectrum`.

Images are float32 (batch, height, width). Random numbers are stateless: the same `seed`, an int32 tensor (2,), gives the same
noise. A level is a scalar or (batch,), one for each image.
"""

import dataclasses

import tensorflow as tf

from pipelines.errors import InputError

ALIASES = {"s&p": "salt-and-pepper"}


@dataclasses.dataclass(frozen=True)
class Noise:
    """A kind of noise and its level, which is that of the function of this name: an SNR, a proportion, photons, pixels ..."""

    kind: str = "clean"
    level: float = 0.0

    def __str__(self):
        return self.kind if self.kind == "clean" else f"{self.kind}:{self.level:g}"


def parse(text):
    """Read ``KIND:LEVEL``.

    ``clean``, ``gaussian:0.5`` (SNR), ``salt-and-pepper:0.2`` or ``s&p:0.2`` (of each), ``poisson:20`` (photons per pixel),
    ``blur:1.5`` (pixels), ``contrast:0.5`` (see `contrast`).

    Raises:
        InputError: unknown kind (the message lists the kinds), or a level that is missing or out of range.
    """
    name, colon, level = text.strip().lower().partition(":")
    kind = ALIASES.get(name, name)
    if kind not in KINDS:
        raise InputError(f"unknown noise {text!r}: expected one of {', '.join(kind.form for kind in KINDS.values())}")
    if not KINDS[kind].has_level:
        if colon:
            raise InputError(f"noise {text!r}: {kind} takes no level")
        return Noise(kind)
    try:
        value = float(level)
    except ValueError:
        raise InputError(f"noise {text!r}: expected {KINDS[kind].form} with a number for LEVEL") from None
    if not 0.0 < value <= KINDS[kind].highest:
        raise InputError(f"noise {text!r}: expected a level above 0, at most {KINDS[kind].highest:g}")
    return Noise(kind, value)


def apply(noise, images, seed):
    """Images (batch, height, width) with the `Noise` added, float32 of the same shape."""
    return KINDS[noise.kind].add(images, noise.level, seed)


def gaussian(images, snr, seed):
    """Add white Gaussian noise of variance ``var(image) / snr``, the variance taken over each image (paper section 4.1).

    Args:
        images: float32 (batch, height, width).
        snr: scalar or (batch,), var(signal) / var(noise).
        seed: int32 (2,).
    """
    variance = tf.math.reduce_variance(images, axis=[1, 2])  # (batch,)
    sigma = tf.sqrt(variance / tf.cast(snr, tf.float32))
    return images + sigma[:, None, None] * tf.random.stateless_normal(tf.shape(images), seed)


def salt_and_pepper(images, proportion, seed, low=None, high=None):
    """Set a share `proportion` of the pixels to `high` (salt) and as large a share to `low` (pepper; paper section 4.1).

    Args:
        images: float32 (batch, height, width).
        proportion: scalar or (batch,), of salt and again of pepper, at most 0.5.
        seed: int32 (2,).
        low, high: scalars or (batch,), for instance 0 and 255; by default each image's own minimum and maximum.
    """
    low = tf.reduce_min(images, axis=[1, 2]) if low is None else low
    high = tf.reduce_max(images, axis=[1, 2]) if high is None else high
    low, high, share = (_per_image(value, images) for value in (low, high, proportion))
    draw = tf.random.stateless_uniform(tf.shape(images), seed)
    return tf.where(draw < share, low, tf.where(draw >= 1.0 - share, high, images))


def poisson(images, photons, seed):
    """Count photons instead of light: noise whose variance grows with the grey value.

    Each image is mapped from [min, max] to [0, 1]; a pixel of the image's mean grey then expects `photons` of them, a darker or
    brighter one in proportion, and the counts are mapped back, so that the expectation of the result is the image.

    Args:
        images: float32 (batch, height, width).
        photons: scalar or (batch,), mean photons per pixel at the image's mean grey, above 0.
        seed: int32 (2,).
    """
    low = tf.reduce_min(images, axis=[1, 2], keepdims=True)
    light = images - low
    per_photon = tf.reduce_mean(light, axis=[1, 2], keepdims=True) / _per_image(photons, images)  # grey values
    expected = tf.math.divide_no_nan(light, per_photon)
    expected = tf.where(tf.math.is_finite(expected), expected, 0.0)  # TensorFlow never comes back from drawing with NaN
    return low + per_photon * tf.random.stateless_poisson(tf.shape(images), seed, expected, tf.float32)


def blur(images, sigma, seed=None):
    """Blur by a Gaussian of standard deviation `sigma` pixels, scalar or (batch,). At the borders its inner part counts.

    Nothing is drawn; `seed` is there because all kinds have one.
    """
    sigma = tf.maximum(_per_image(sigma, images), 1e-3)

    def weights(length):
        position = tf.range(tf.cast(length, tf.float32))
        kernel = tf.exp(-0.5 * tf.square((position[:, None] - position) / sigma))  # (batch, to, from)
        return kernel / tf.reduce_sum(kernel, axis=2, keepdims=True)

    height, width = tf.shape(images)[1], tf.shape(images)[2]
    return tf.matmul(tf.matmul(weights(height), images), weights(width), transpose_b=True)


def contrast(images, level, seed):
    """Another contrast and brightness for each image: its deviations from the mean times a gain, plus an offset.

    Args:
        images: float32 (batch, height, width).
        level: scalar or (batch,). The gain is drawn log-uniformly from [1 / (1 + level), 1 + level], the offset uniformly
            within +- `level` standard deviations of the image.
        seed: int32 (2,).
    """
    seeds = tf.random.experimental.stateless_split(seed, 2)
    level = _per_image(level, images)
    gain, offset = (tf.random.stateless_uniform(tf.shape(level), one, -1.0, 1.0) for one in tf.unstack(seeds))
    mean = tf.reduce_mean(images, axis=[1, 2], keepdims=True)
    deviation = tf.math.reduce_std(images, axis=[1, 2], keepdims=True)
    return mean + (images - mean) * tf.pow(1.0 + level, gain) + offset * level * deviation


def _per_image(level, images):
    """A scalar or (batch,) as float32 (batch, 1, 1)."""
    return tf.broadcast_to(tf.cast(level, tf.float32), tf.shape(images)[:1])[:, None, None]


@dataclasses.dataclass(frozen=True)
class _Kind:
    """How a kind is written on the command line, what its level may be, and how it is added."""

    form: str
    has_level: bool
    highest: float
    add: object


KINDS = {
    "clean": _Kind("clean", False, 0.0, lambda images, level, seed: tf.identity(images)),
    "gaussian": _Kind("gaussian:LEVEL", True, float("inf"), gaussian),
    "salt-and-pepper": _Kind("salt-and-pepper:LEVEL", True, 0.5, salt_and_pepper),
    "poisson": _Kind("poisson:LEVEL", True, float("inf"), poisson),
    "blur": _Kind("blur:LEVEL", True, float("inf"), blur),
    "contrast": _Kind("contrast:LEVEL", True, float("inf"), contrast),
}

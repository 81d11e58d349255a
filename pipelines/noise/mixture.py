"""Noise of unknown kind and level, for a model that must bear them all."""

import math

import tensorflow as tf

from pipelines import draws, noise

# How often each kind is drawn. Gaussian noise covers the widest range of levels.
SHARES = {"clean": 0.15, "gaussian": 0.4, "salt-and-pepper": 0.15, "poisson": 0.15, "blur": 0.15}


def any_noise(shares=None, snr=(0.05, 20.0), proportion=0.3, photons=(1.0, 100.0), blur=2.0, contrast=0.3):
    """Noise drawn anew for each image, for `pairs.from_photos`.

    Each image first gets another contrast and brightness, clipped to the grey values that it had, as a camera clips: what is
    not clipped is undone when images are normalised. Then it gets one kind of noise, or none.

    Args:
        shares: how often each kind of noise is drawn, a dict like `SHARES`, which is the default; adds up to 1.
        snr: lowest and highest of Gaussian noise, photons: of Poisson noise; both are drawn log-uniformly.
        proportion: highest of salt and of pepper, blur: highest sigma in pixels; both are drawn uniformly from 0.
        contrast: level of `noise.contrast`, 0 for none.

    Returns:
        ``(images, seed) -> images``, float32 (batch, height, width), seed int32 (2,).
    """
    shares = SHARES if shares is None else shares
    levels = {
        "clean": lambda draw: draw,
        "gaussian": lambda draw: _log_uniform(draw, *snr),
        "salt-and-pepper": lambda draw: proportion * draw,
        "poisson": lambda draw: _log_uniform(draw, *photons),
        "blur": lambda draw: blur * draw,
    }

    def add(images, seed):
        seeds = tf.unstack(draws.split(seed, 3 + len(shares)))
        batch = tf.shape(images)[:1]
        if contrast:
            low, high = (reduce(images, axis=[1, 2], keepdims=True) for reduce in (tf.reduce_min, tf.reduce_max))
            images = tf.clip_by_value(noise.contrast(images, contrast, seeds[0]), low, high)
        kind = _choose(tf.random.stateless_uniform(batch, seeds[1]), tuple(shares.values()))  # (batch,)
        draw = tf.random.stateless_uniform(batch, seeds[2])
        # Each kind is computed for its own images only, then all are put back in order.
        parts = tf.dynamic_partition(images, kind, len(shares))
        drawn = tf.dynamic_partition(draw, kind, len(shares))
        rows = tf.dynamic_partition(tf.range(batch[0]), kind, len(shares))
        noisy = [
            noise.KINDS[name].add(part, levels[name](part_draw), part_seed)
            for name, part, part_draw, part_seed in zip(shares, parts, drawn, seeds[3:])
        ]
        return tf.ensure_shape(tf.dynamic_stitch(rows, noisy), images.shape)

    return add


def _log_uniform(draw, low, high):
    """From a uniform draw in [0, 1) to a log-uniform one in [low, high)."""
    return low * tf.exp(draw * math.log(high / low))


def _choose(draw, shares):
    """From uniform draws (batch,) to indices int32 (batch,), each as often as its share."""
    limits = [sum(shares[: i + 1]) for i in range(len(shares) - 1)]
    return tf.searchsorted(tf.constant(limits, tf.float32), draw, side="right")

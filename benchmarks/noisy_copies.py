"""Noisy copies of a class average, turned and moved."""

from harness import data_path


def noisy_copies(data, name, snr, count, seed, box=128):
    """(clean image (box, box), noisy copies (count, box, box), angle (count,) that brings each onto the clean image)."""
    import tensorflow as tf

    from pipelines import noise, pairs
    from pipelines.files import opening
    from pipelines.geometry.warp import warp
    from pipelines.normalise import normalise
    from pipelines.spectra.resample import fourier_resample

    image = opening.open_source(data_path(data, "cryo/class_averages", f"{name}.mrc")).read([0])
    clean = fourier_resample(tf.constant(pairs.without_background(image)), box)
    seeds = tf.random.experimental.stateless_split([seed, 1], 3)
    angle = tf.random.stateless_uniform((count,), seeds[0], 0.0, 360.0)
    shift = tf.random.stateless_uniform((count, 2), seeds[1], -10.0 * box / 128, 10.0 * box / 128)
    copies = noise.apply(noise.parse(f"gaussian:{snr:g}"), warp(tf.repeat(clean, count, 0), angle, shift), seeds[2])
    return clean[0].numpy(), normalise(copies).numpy(), -angle.numpy()

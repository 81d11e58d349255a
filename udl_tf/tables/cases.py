"""The pairs of one row of a table: what the trained methods learn from, and what all of them are measured on."""

import collections
import dataclasses
import functools
import os
import pathlib

import numpy as np
import tensorflow as tf

from pipelines import noise, pairs
from pipelines.errors import InputError
from pipelines.files import mrc, opening
from pipelines.pictures import DeadLeaves, Photographs, phantoms
from pipelines.spectra import noise_spectrum
from pipelines.spectra.resample import fourier_resample
from udl_tf.presets import resolve
from udl_tf.rivals.problem import Problem
from udl_tf.training import datasets

TEST_SEED = 7919  # added to the seed: the test pairs are others than those of the training
TEST_BATCH = 50
FLOOR = 1e-3  # var(noise) / var(signal) that is taken for none: what interpolation leaves
PATCHES = 200  # that the exhaustive search's spectral signal-to-noise ratio is measured on

SHIPPED = {"photos": "photo", "particles": "cryo"}  # models, by the material of a table

Case = collections.namedtuple("Case", "problem inputs truth files")
Case.__doc__ = """One row's pairs.

`problem`: what the methods are told, `rivals.problem.Problem`. `inputs`, `truth`: of the test, NumPy. `files`: the paths that the
training draws from.
"""


def rigid(table, condition, scale, data, output, seed):
    """The `Case` of a row of table 1 or 2.

    Args:
        table, condition, scale: see `protocol`. data: None, or a folder with photos/train, photos/val, cryo/class_averages.
        output: folder that phantoms are written to. seed: of everything.

    Raises:
        InputError: a part of the data is not there.
    """
    photographs = table.material == "photos"
    config = config_of(photographs, condition, scale, seed)
    if photographs:
        found = datasets.gather(config, path_of(data, "photos", "train"))
        inputs, truth = pairs.collect(photo_test(config, condition.noise, data, scale, seed), scale.test_pairs)
        snr = functools.partial(_photo_snr, config, condition.noise, data, scale, seed)
    else:
        path = _class_average(condition.image, data, output, seed)
        found = datasets.gather(config, simulate_from=str(path))
        image = fourier_resample(opening.open_source(path).read([0]), config.box).numpy()
        test = pairs.simulated(image, noise.parse(condition.noise), TEST_BATCH, seed + TEST_SEED, config.max_shift)
        inputs, truth = pairs.collect(test, scale.test_pairs)
        snr = functools.partial(spectral_snr, pairs.without_background(image), condition.noise, seed)
    train = functools.partial(repeated, found.train, scale)
    problem = Problem(
        kind=table.kind,
        side=config.box,
        model=SHIPPED[table.material],
        spectral_snr=snr,
        train=train,
        scale=scale.name,
        config=config,
        training_data=found._replace(train=train),
    )
    return Case(problem, inputs, truth, found.files)


def require(table, data):
    """InputError where a part of the data that a table needs is not there, before hours are spent on the other parts."""
    if table.material == "particles":
        for condition in table.conditions if data else ():
            path_of(data, "cryo", "class_averages", f"{condition.image}.mrc")
    else:
        for part in ("train", "val"):
            path_of(data, "photos", part)
        if data and any(condition.image == "sections" for condition in table.conditions):
            path_of(data, "em")


def repeated(train, scale, start=0):
    """The endless dataset of the scale's number of distinct pairs, in batches; `train(0)` begins the pairs it is made of."""
    dataset = train(0).take(max(scale.train_pairs // scale.batch, 1)).repeat()
    return dataset.skip(start) if start else dataset


def config_of(photographs, condition, scale, seed):
    """The preset of the paper's network at the scale's sizes; the warm start keeps its share of the steps."""
    preset = resolve(scale.photo_preset if photographs else scale.particle_preset)
    steps = scale.steps.get("photos" if photographs else "particles", {}).get("udl", preset.steps)
    network, ratio = preset.network, scale.box / preset.box
    if network.spectrum_pad:
        network = dataclasses.replace(network, spectrum_pad=round(network.spectrum_pad * ratio))  # the same frequencies
    return dataclasses.replace(
        preset,
        network=network,
        box=scale.box,
        noise=condition.noise,
        max_shift=scale.max_shift,
        disturb_shift=scale.max_shift,
        sources=scale.sources,
        batch=scale.batch,
        steps=steps,
        warm_steps=max(round(preset.warm_steps * min(1.0, steps / preset.steps)), 1),
        seed=seed,
    )


def spectral_snr(clean, kind, seed, taper=1.0):
    """Signal-to-noise ratio of every ring of frequencies, measured: of clean images and of what the noise changes in them.

    Args:
        clean: float32 (n, side, side). kind: of noise. seed: integer. taper: (side, side) that both are multiplied by, so that
            what a frame cuts off does not leak into all frequencies.

    Returns:
        float32 (side // 2 + 1,).
    """
    clean = tf.constant(clean, tf.float32)
    change = noise.apply(noise.parse(kind), clean, tf.constant([seed, TEST_SEED])) - clean
    signal, noisy = (noise_spectrum.radial_power(images * taper).numpy().mean(0) for images in (clean, change))
    least = FLOOR * float(tf.reduce_mean(tf.math.reduce_variance(clean, axis=[1, 2]))) * np.square(taper).mean()
    return (signal / np.maximum(noisy, least)).astype(np.float32)


def photo_test(config, kind, data, scale, seed):
    """Dataset of test pairs: of photographs that the training did not see, or of other dead leaves."""
    spec, seed = noise.parse(kind), seed + TEST_SEED
    recipe = {"patch": config.box, "max_shift": config.max_shift}
    path = path_of(data, "photos", "val")
    options = {"batch": TEST_BATCH, "seed": seed, **recipe}
    pictures = Photographs(path, **options) if path else DeadLeaves(max(scale.sources // 4, 4), **options)
    return pairs.from_photos(pictures.crops(), lambda images, s: noise.apply(spec, images, s), seed, **recipe)


def _photo_snr(config, kind, data, scale, seed):
    """As `spectral_snr`, of clean patches."""
    inputs, _ = pairs.collect(photo_test(config, "clean", data, scale, seed + 1), min(PATCHES, scale.test_pairs))
    hann = np.hanning(config.box).astype(np.float32)
    return spectral_snr(inputs["fixed"], kind, seed, hann[:, None] * hann)


def _class_average(name, data, output, seed):
    """Path of a clean particle: a class average of the data, or a phantom, written to the output once."""
    if data:
        return path_of(data, "cryo", "class_averages", f"{name}.mrc")
    path = pathlib.Path(output) / "phantoms" / f"{name}-seed{seed}.mrc"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        mrc.write_mrc(path, phantoms.particles(3, 128, seed, symmetry=1)[int(name.rpartition("-")[2]) - 1][None])
    return path


def path_of(data, *parts):
    """A file or folder of the data as text; None without data.

    Raises:
        InputError: it is not there.
    """
    if not data:
        return None
    path = pathlib.Path(data, *parts)
    if not os.path.exists(path):
        raise InputError(f"{path}: no such file or folder, expected {'/'.join(parts)} in the folder given by --data")
    return str(path)

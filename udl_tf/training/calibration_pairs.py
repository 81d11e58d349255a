"""Pairs on which an aligner's error bar is calibrated: all levels of noise and colours, strangers, nothing, and dirt.

Their truth is known because they are made here. What is no object must not be taken for one, so there are pairs without any,
pairs of two different ones, and pairs that share, or have each for itself, what instruments add. What is one must not be taken
for such things either: photographs may be aligned already but for a pixel, or be of texture as fine as noise.
"""

import numpy as np

from pipelines import noise, pairs
from pipelines.geometry.warp import centre_crop
from pipelines.pictures import ArrayPictures, DeadLeaves, phantoms
from pipelines.pictures.crops import crop_size

BATCH = 64
SOURCES = 100  # clean images of each material
CLEAN = 512  # pairs of them; every batch takes others, or the same under other noise
COLOURS = (0.0, 0.0, 1.0, 2.0)  # exponents with which the noise's power falls, drawn for each pair
# (batches, lowest and highest signal-to-noise ratio, what is special)
PLAN = (
    (26, 3e-3, 10.0, ""),
    (14, 1e-3, 3e-2, ""),
    (4, 10.0, 1e4, ""),
    (14, 1e-2, 10.0, "strangers"),
    (8, 0.0, 0.0, ""),
    (6, 3e-2, 3.0, "edge, own"),
    (5, 3e-2, 3.0, "edge, shared"),
    (4, 3e-2, 3.0, "wave, own"),
    (3, 3e-2, 3.0, "wave, shared"),
    (7, 3e-2, 3.0, "pattern, shared"),
    (4, 3e-2, 3.0, "stripes, shared"),
    (8, 3e-2, 3.0, "blob, own"),
    (5, 3e-2, 3.0, "blob, shared"),
)
# Besides these, of photographs, a fifth more:
PHOTOGRAPHS = (
    (9, 3e-2, 1e4, "lying"),
    (6, 3e-2, 1e4, "texture"),
    (5, 3e-2, 3.0, "pattern, shared"),
    (5, 3e-2, 3.0, "pixels, shared"),
)
GREY = 40.0  # standard deviation of such a texture, grey levels of 255
LYING = 3.0, 3.0  # degrees, pixels: how far those that are nearly aligned have moved at most
DIRT = 0.5, 100.0  # standard deviations of the noise, lowest and highest


def count(config):
    """How many batches there are."""
    return sum(part[0] for part in _plan(config))


def _plan(config):
    """The plan for the pairs that are asked for: as many batches of each part as its share of PLAN is, at least one."""
    plan = PLAN if config.material == "particles" else PLAN + PHOTOGRAPHS
    whole = BATCH * sum(part[0] for part in PLAN)  # pairs
    return [(max(1, round(part[0] * config.calibration_pairs / whole)), *part[1:]) for part in plan]


def batches(config):
    """Yields (fixed, moving, angle): float32 (BATCH, box, box) each and degrees (BATCH,), NaN where there is none."""
    random = np.random.default_rng(config.seed + 2)
    usual = _clean(config)
    for count, low, high, special in _plan(config):
        clean = _clean(config, special) if special in ("lying", "texture") else usual
        for _ in range(count):
            rows = random.integers(len(clean[2]), size=BATCH)
            angle = clean[2][rows]
            others = rows if special != "strangers" else (rows + random.integers(1, len(clean[2]), BATCH)) % len(clean[2])
            if special == "strangers" or high == 0.0:
                angle = np.full(BATCH, np.nan)
            snr = np.exp(random.uniform(np.log(low), np.log(high), BATCH)) if high else np.zeros(BATCH)
            exponent = random.choice(COLOURS, BATCH)
            images = [
                np.sqrt(snr)[:, None, None] * part + _noise(part.shape, exponent, random)
                for part in (clean[0][rows], clean[1][others])
            ]
            kind, _, whose = special.partition(", ")
            if whose:
                strength = np.exp(random.uniform(*np.log(DIRT), (BATCH, 1, 1)))
                dirt = [strength * _DIRT[kind](config.box, random) for _ in images]
                images = [image + (dirt[0] if whose == "shared" else one) for image, one in zip(images, dirt, strict=True)]
            yield *(image.astype(np.float32) for image in images), angle


def _clean(config, special=""):
    """CLEAN pairs (fixed, moving, angle) without noise, of standard deviation 1; of photographs also special ones."""
    seed = config.seed + 2
    if config.material == "particles":
        pictures = phantoms.particles(SOURCES, config.box, seed)
        dataset = pairs.simulated(pictures, noise.Noise(), BATCH, seed, config.max_shift)
    else:
        turn, move = LYING if special == "lying" else (180.0, config.max_shift)
        options = {"patch": config.box, "max_shift": move}
        source = _Textures if special == "texture" else DeadLeaves
        crops = source(SOURCES, BATCH, seed=seed, **options).crops(0)
        dataset = pairs.from_photos(crops, lambda images, s: images, seed, max_angle=turn, **options)
    inputs, truth = pairs.collect(dataset, CLEAN)
    return *(centre_crop(inputs[name], config.box) for name in ("fixed", "moving")), truth["angle"]


class _Textures(ArrayPictures):
    """Speckle: coloured noise that is the object, from white to smooth."""

    def __init__(self, count, batch, patch, max_shift, seed):
        random, size = np.random.default_rng(seed), crop_size(patch, max_shift)
        made = _noise((count, size, size), random.uniform(0.0, 3.0, count), random)
        super().__init__(GREY * made, batch, patch, max_shift, seed)


def _noise(shape, exponent, random):
    """Gaussian noise of standard deviation 1 whose power falls with frequency to an exponent (batch,)."""
    frequency = np.hypot(np.fft.fftfreq(shape[1])[:, None], np.fft.rfftfreq(shape[2]))
    gain = np.maximum(frequency, 1.0 / shape[1]) ** (-exponent[:, None, None] / 2.0)
    made = np.fft.irfft2(np.fft.rfft2(random.normal(size=shape)) * gain, shape[1:])
    return made / made.std((1, 2), keepdims=True)


def _directions(box, random):
    """A coordinate (BATCH, box, box) from -1 to 1 along another direction in each image."""
    line, angle = np.linspace(-1.0, 1.0, box), random.uniform(0.0, 2.0 * np.pi, (BATCH, 1, 1))
    return np.cos(angle) * line + np.sin(angle) * line[:, None]


def _edge(box, random):
    """A step along a straight line, sharp or blurred."""
    width = np.exp(random.uniform(np.log(0.01), np.log(0.3), (BATCH, 1, 1)))
    return np.tanh((_directions(box, random) - random.uniform(-0.7, 0.7, (BATCH, 1, 1))) / width) / 2.0


def _wave(box, random):
    """Half a period to three across the frame."""
    phase = random.uniform(0.0, 2.0 * np.pi, (BATCH, 1, 1))
    return np.sin(np.pi * random.uniform(0.5, 3.0, (BATCH, 1, 1)) * _directions(box, random) + phase)


def _pattern(box, random):
    """White, or of a few pixels' grain."""
    return _noise((BATCH, box, box), random.uniform(0.0, 2.0, BATCH), random)


def _pixels(box, random):
    """Hot pixels, or a hot column, far brighter than all else."""
    hot = random.random((BATCH, box, box)) < np.exp(random.uniform(np.log(1.0), np.log(100.0), (BATCH, 1, 1))) / box**2
    columns = (np.arange(box) == random.integers(box, size=(BATCH, 1, 1))) & np.ones((1, box, 1), bool)
    return np.where(random.random((BATCH, 1, 1)) < 0.7, hot, columns) * 30.0


def _stripes(box, random):
    """Every row has an offset of its own, or a few of them do."""
    rows = random.normal(size=(BATCH, box, 1)) * (random.random((BATCH, box, 1)) < random.uniform(0.02, 1.0, (BATCH, 1, 1)))
    return np.broadcast_to(rows, (BATCH, box, box))


def _blob(box, random):
    """A bright or dark spot anywhere, of any size."""
    line, at = np.linspace(-1.0, 1.0, box), random.uniform(-0.8, 0.8, (2, BATCH, 1, 1))
    width = np.exp(random.uniform(np.log(0.03), np.log(0.4), (BATCH, 1, 1)))
    distance = np.square(line - at[0]) + np.square(line[:, None] - at[1])
    return random.choice([-1.0, 1.0], (BATCH, 1, 1)) * np.exp(-0.5 * distance / np.square(width))


_DIRT = {"blob": _blob, "edge": _edge, "wave": _wave, "pattern": _pattern, "pixels": _pixels, "stripes": _stripes}

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
from pipelines.spectra.resample import fourier_resample
from udl_tf.training import calibration_dirt

BATCH = 64
USES = 16  # how often a clean pair is taken, each time with other noise
PAIRS = 5  # clean ones of each object
COLOURS = (0.0, 0.0, 1.0, 2.0)  # exponents with which the noise's power falls, drawn for each pair
# (batches, lowest and highest signal-to-noise ratio, what is special)
PLAN = (
    (26, 3e-3, 10.0, ""),
    (14, 1e-3, 3e-2, ""),
    (4, 10.0, 1e4, ""),
    (14, 1e-2, 10.0, "strangers"),
    (5, 1e-2, 10.0, "alike"),
    (8, 0.0, 0.0, ""),
    (6, 3e-3, 1.0, "reference"),
    (3, 0.0, 0.0, "reference"),
    (6, 3e-2, 3.0, "edge, own"),
    (5, 3e-2, 3.0, "edge, shared"),
    (4, 3e-2, 3.0, "wave, own"),
    (3, 3e-2, 3.0, "wave, shared"),
    (7, 3e-2, 3.0, "pattern, shared"),
    (4, 3e-2, 3.0, "stripes, shared"),
    (6, 3e-2, 3.0, "grid, shared"),
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
BLURS = 0.04, 1.0  # frequencies, shares of the highest, at which blurred particles have lost 40 %; half of them are blurred
COARSE = 3  # every such batch is of images of half the box, which are brought to it
STRANGERS = "strangers", "alike"  # pairs of two objects; the latter have their lowest frequencies in common
ALIKE = 1.0, 3.0  # cycles per image, up to which they have
CLEAR = 10.0, 1e4  # signal-to-noise ratios of a reference
LYING = 3.0, 3.0  # degrees, pixels: how far those that are nearly aligned have moved at most
STRENGTH = 0.5, 300.0  # standard deviations of the noise, lowest and highest


def count(config):
    """How many batches there are."""
    return sum(part[0] for part in _plan(config))


def _plan(config):
    """The plan for the pairs that are asked for: as many batches of each part as its share of PLAN is, at least one."""
    plan = PLAN if config.material == "particles" else PLAN + PHOTOGRAPHS
    whole = BATCH * sum(part[0] for part in PLAN)  # pairs
    return [(max(1, round(part[0] * config.calibration_pairs / whole)), *part[1:]) for part in plan]


def batches(config):
    """Yields (fixed, moving, angle): float32 (BATCH, n, n) each, n the box or half of it, degrees (BATCH,), NaN without truth."""
    random = np.random.default_rng(config.seed + 2)
    usual = _clean(config)
    for count, low, high, special in _plan(config):
        clean = _clean(config, special) if special in ("lying", "texture") else usual
        for number in range(count):
            rows = random.integers(len(clean[2]), size=BATCH)
            angle = clean[2][rows]
            others = rows if special not in STRANGERS else (rows + random.integers(1, len(clean[2]), BATCH)) % len(clean[2])
            if special in STRANGERS or high == 0.0:
                angle = np.full(BATCH, np.nan)
            snr = np.exp(random.uniform(np.log(low), np.log(high), BATCH)) if high else np.zeros(BATCH)
            exponent = random.choice(COLOURS, BATCH)
            clear = np.exp(random.uniform(*np.log(CLEAR), BATCH)) if special == "reference" else snr
            side = config.box // 2 if number % COARSE == COARSE - 1 else config.box
            blur = _blur(side, random) if config.material == "particles" else 1.0
            moving = clean[1][others] if special != "alike" else _alike(clean[1][rows], clean[1][others], random)
            images = [
                np.sqrt(level)[:, None, None] * _seen(part, side, blur)
                + calibration_dirt.coloured((BATCH, side, side), exponent, random)
                for part, level in ((clean[0][rows], clear), (moving, snr))
            ]
            kind, _, whose = special.partition(", ")
            if whose:
                strength = np.exp(random.uniform(*np.log(STRENGTH), (BATCH, 1, 1)))
                dirt = [strength * calibration_dirt.KINDS[kind](BATCH, side, random) for _ in images]
                images = [image + (dirt[0] if whose == "shared" else one) for image, one in zip(images, dirt, strict=True)]
            yield *(image.astype(np.float32) for image in images), angle


def _clean(config, special=""):
    """Pairs (fixed, moving, angle) without noise, of standard deviation 1; of photographs also special ones."""
    seed, made = config.seed + 2, max(BATCH, config.calibration_pairs // USES)
    sources = max(BATCH, made // PAIRS)
    if config.material == "particles":
        pictures = phantoms.particles(sources, config.box, seed)
        dataset = pairs.simulated(pictures, noise.Noise(), BATCH, seed, config.max_shift)
    else:
        turn, move = LYING if special == "lying" else (180.0, config.max_shift)
        options = {"patch": config.box, "max_shift": move}
        source = _Textures if special == "texture" else DeadLeaves
        crops = source(sources, BATCH, seed=seed, **options).crops(0)
        dataset = pairs.from_photos(crops, lambda images, s: images, seed, max_angle=turn, **options)
    inputs, truth = pairs.collect(dataset, made)
    return *(centre_crop(inputs[name], config.box) for name in ("fixed", "moving")), truth["angle"]


def _alike(images, others, random):
    """Other images (batch, n, n) that look like these at low resolution."""
    frequency = np.hypot(np.fft.fftfreq(images.shape[1])[:, None], np.fft.rfftfreq(images.shape[2])) * images.shape[1]
    limit = random.uniform(*ALIKE, (len(images), 1, 1))
    spectra = [np.fft.rfft2(one - one.mean((1, 2), keepdims=True)) for one in (images, others)]
    return np.fft.irfft2(np.where(frequency <= limit, *spectra), images.shape[1:])


def _blur(side, random):
    """Gains (BATCH, side, side // 2 + 1) of half the pairs that lose their high frequencies, as those of soft molecules do."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)) * 2.0
    width = np.exp(random.uniform(*np.log(BLURS), (BATCH, 1, 1)))
    gain = np.exp(-0.5 * np.square(frequency / width))
    return np.where(random.random((BATCH, 1, 1)) < 0.5, gain, 1.0)


def _seen(images, side, gain):
    """Images (batch, box, box) at another size, blurred by gains as of `_blur` (1: not), of standard deviation 1."""
    images = fourier_resample(images, side).numpy()
    made = np.fft.irfft2(np.fft.rfft2(images - images.mean((1, 2), keepdims=True)) * gain, images.shape[1:])
    return made / made.std((1, 2), keepdims=True)


class _Textures(ArrayPictures):
    """Speckle: coloured noise that is the object, from white to smooth."""

    def __init__(self, count, batch, patch, max_shift, seed):
        random, size = np.random.default_rng(seed), crop_size(patch, max_shift)
        made = calibration_dirt.coloured((count, size, size), random.uniform(0.0, 3.0, count), random)
        super().__init__(GREY * made, batch, patch, max_shift, seed)

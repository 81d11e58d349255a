"""What a run learns from and what it is measured on: the datasets of a configuration and the user's data."""

import collections
import logging

import numpy as np

from pipelines import noise, pairs
from pipelines.errors import InputError
from pipelines.files import opening, pair_files
from pipelines.noise import mixture
from pipelines.noise.renoise import Background, White
from pipelines.pairs.stack_pools import Pools
from pipelines.pictures import DeadLeaves, Particles, Phantoms, Photographs
from pipelines.spectra import noise_spectrum
from pipelines.spectra.resample import fourier_resample, scale_shift

LOG = logging.getLogger(__name__)
HELD_OUT = 3  # of a stack, every third image is kept for the measurement
BACKGROUND_RADIUS = 0.75  # of half the box: beyond it an image is taken for background
MOST_SOURCES = 2000  # clean images read from a folder or stack to simulate from

TrainingData = collections.namedtuple("TrainingData", "train held_out renoise has_truth description files")


def gather(config, data=None, simulate_from=None):
    """The pairs of a run.

    Args:
        config: `udl_tf.presets.Config`.
        data: path of a noisy stack (particles) or of a folder of photos; or pairs, see `is_pairs`.
        simulate_from: path of clean images; noisy copies of them are made with `config.noise`.

    Returns:
        `TrainingData`: `train`, from the number of a step to the endless dataset of pairs (`pipelines.pairs`) that begins there;
        `held_out`, another one; `renoise`, the fresh noise for disturbed pairs; `has_truth`, whether the truth of `held_out` is
        known; `description`, a line for people; `files`, the paths of all that was read.
    """
    if data and simulate_from:
        raise InputError("received both --data and --simulate-from: expected one of them")
    if is_pairs(data):
        return _pairs(config, data)
    if config.material == "photos":
        return _photos(config, data or simulate_from)
    if data:
        return _stack(config, data)
    return _simulated(config, simulate_from)


def is_pairs(data):
    """Whether data are pairs that are there: (folder of fixed, folder of moving pictures), or a CSV file that lists them."""
    return isinstance(data, (list, tuple)) or str(data).lower().endswith(".csv")


def _pairs(config, data):
    two = isinstance(data, (list, tuple))
    paths, notice = pair_files.named_alike(*data) if two else (pair_files.listed(data), "")
    where = " and ".join(str(path) for path in data) if two else str(data)
    if notice:
        LOG.warning(notice)
    if len(paths) < HELD_OUT:
        raise InputError(f"{where}: {len(paths)} pair(s), expected at least {HELD_OUT}")
    side = config.box + 2 * config.margin
    fixed, moving = (pair_files.squares(column, side) for column in zip(*paths, strict=True))
    held = np.arange(len(paths)) % HELD_OUT == HELD_OUT - 1

    def train(start=0):
        return pairs.from_arrays(fixed[~held], moving[~held], config.batch, config.seed, start)

    held_out = pairs.from_arrays(fixed[held], moving[held], config.batch, config.seed + 1)
    renoise = photo_noise(config) if config.material == "photos" else _background(train(), config)
    description = f"{(~held).sum()} pairs of pictures of {where}, {held.sum()} others held out"
    files = [*(path for pair in paths for path in pair), *([] if two else [str(data)])]
    return TrainingData(train, held_out, renoise, False, description, files)


def _simulated(config, path):
    spec = noise.parse(config.noise)
    if path:
        images, files = clean_images(config, path)
        seen, unseen = (Particles(images, config.batch, config.seed + i, files) for i in (0, 1))
        description = f"{len(images)} clean image(s) from {path} with noise {spec}, the same image(s) held out with other noise"
    else:
        seen = Phantoms(config.sources, config.box, config.batch, config.seed)
        unseen = Phantoms(config.sources // 2, config.box, config.batch, config.seed + 1)
        description = f"{len(seen)} phantoms with noise {spec}, {len(unseen)} others held out"
    harder = noise.parse(config.train_noise) if config.train_noise else spec

    def train(start=0):
        return pairs.from_particles(seen.crops(start), harder, config.seed, config.max_shift, start)

    held_out = pairs.from_particles(unseen.crops(), spec, config.seed + 1, config.max_shift)
    if harder != spec:
        description += f", trained with {harder}"
    return TrainingData(train, held_out, _background(train(), config), True, description, list(seen.files))


def clean_images(config, path):
    """Clean images of a file, at the configuration's box: float32 (n, box, box), and the paths that were read.

    Raises:
        InputError: one is constant or not finite, or the file is not one of images.
    """
    source = opening.open_source(path)
    images = source.read(slice(0, min(len(source), MOST_SOURCES)))
    _require_usable(images, path)  # before resampling, whose rounding makes a constant image vary
    return fourier_resample(images, config.box).numpy(), source.paths()


def photo_noise(config):
    """Fresh noise for disturbed pairs of photographs, or None."""
    return White(0.1 * config.renoise, config.renoise) if config.renoise else None


def _stack(config, path):
    source = opening.open_source(path)
    rows = np.arange(len(source))
    held = rows % HELD_OUT == HELD_OUT - 1
    poses = None
    if source.star is not None and "rlnAnglePsi" in source.star.particles:
        angle, shift = source.star.poses(source.shape[0])
        if angle.any() or shift.any():  # programs that extract particles write zeros: nobody has aligned these
            poses = angle, scale_shift(shift, source.shape[0], config.box)
    train_pools = Pools(source, rows[~held], config.box, config.seed)
    held_pools = Pools(source, rows[held], config.box, config.seed + 1)

    def train(start=0):
        return pairs.from_stack(train_pools, config.batch, config.seed, start=start)

    held_out = pairs.from_stack(held_pools, config.batch, config.seed + 1, poses)
    description = f"{(~held).sum()} noisy images of {path}, {held.sum()} others held out"
    return TrainingData(train, held_out, _background(train(), config), poses is not None, description, source.paths())


def _photos(config, path):
    recipe = {"patch": config.box + 2 * config.margin, "max_shift": config.max_shift}
    options = {"batch": config.batch, **recipe}
    if path:
        seen, unseen = (Photographs(path, seed=config.seed + i, **options) for i in (0, 1))
        description = f"{len(seen.files)} photos of {path}, other cuts of them held out"
        if seen.notice:
            LOG.warning("%s: %s", path, seen.notice)
    else:
        seen = DeadLeaves(config.sources, seed=config.seed, **options)
        unseen = DeadLeaves(config.sources // 4, seed=config.seed + 1, **options)
        description = f"{config.sources} dead-leaves pictures, {config.sources // 4} others held out"
    if config.noise == "any":
        add = mixture.any_noise()
    else:
        spec = noise.parse(config.noise)

        def add(images, seed):
            return noise.apply(spec, images, seed)

    def train(start=0):
        return pairs.from_photos(seen.crops(start), add, config.seed, start=start, **recipe)

    held_out = pairs.from_photos(unseen.crops(0), add, config.seed + 1, **recipe)
    description += f", noise {config.noise}"
    return TrainingData(train, held_out, photo_noise(config), True, description, list(seen.files))


def _background(train, config):
    """Fresh noise with the spectrum of the training images' own background; no truth is used."""
    if not config.renoise:
        return None
    inputs, _ = pairs.collect(train, 512)
    images = np.concatenate([inputs["fixed"], inputs["moving"]])
    power = noise_spectrum.background_power(images, BACKGROUND_RADIUS * config.box / 2.0)
    return Background(tuple(np.asarray(power, float)), config.renoise)


def _require_usable(images, path):
    flat = np.isfinite(images).all((1, 2)) & (np.ptp(images, (1, 2)) > 0)
    if not flat.all():
        raise InputError(f"{path}: image {int(np.argmin(flat))} is constant or not finite, expected clean pictures")

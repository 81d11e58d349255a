"""Everything a training run is made of: one frozen configuration, and the presets people start from."""

import dataclasses
import json
import os
import pathlib
import typing

from pipelines.errors import InputError
from udl_tf.networks import registry
from udl_tf.networks.group import HIGHEST, GroupConfig
from udl_tf.networks.polar import PolarConfig
from udl_tf.networks.sections.presets import SECTION_FIELDS
from udl_tf.networks.siamese import SiameseConfig

PRECISIONS = registry.PRECISIONS  # of one network or another


@dataclasses.dataclass(frozen=True)
class Config:
    """A training run and the aligner it makes. Angles in degrees, lengths in pixels of the network's box.

    Networks on volumes of sections (material ``sections``) go by `network`, `box` (the side of the crops they make), `sources`
    (made sections), `steps`, `batch`, `learning_rate`, `warm_steps` and `seed` alone.

    Attributes:
        description: one sentence for people.
        network: config of a network of `udl_tf.networks.registry`, which names it and its sizes.
        period: of the network's angle: 180 where it sees amplitude spectra, 360 where it sees images.
        box: side of the images the network sees.
        material: ``particles`` (stacks, class averages), ``photos`` or ``sections``.
        noise: of simulated pairs, KIND:LEVEL as in `pipelines.noise.parse`, or ``any`` (kind and level drawn for each image).
        train_noise: of those simulated for training, if it is another one: what holds at a lower SNR holds at a higher one.
        max_shift: largest shift of simulated images along each axis.
        sources: how many phantoms or dead-leaves pictures are made where no data is given.
        steps, batch, learning_rate: of training with Adam.
        decay: ``cosine`` to zero over all steps, or ``paper`` (x 0.8 every 12,000 steps).
        disturb_shift: largest shift of the disturbance along each axis.
        renoise: fresh noise in disturbed pairs: as much again as the image has, times this; 0 for none.
        margin: pixels around the box that pairs of photos bring along, so that disturbed ones have no empty corners.
        warm_steps, self_pair_share: self-pairs, see `udl_tf.training.step`.
        seed: of everything random.
        precision: while it is trained, one of its network's `precisions`.
        candidates: peaks of the network's correlation that may be verified; how many are, depends on the pair.
        reach: largest shift an alignment looks for, as a share of the image's side.
        support: where two images are compared at the end: a ``disc`` (particles) or the whole ``frame`` (photographs).
        evaluate_pairs: held-out pairs the final error is measured on.
        calibration_pairs: simulated pairs that score and standard error of the aligner are calibrated on.
    """

    description: str
    network: typing.Any
    period: float = 180.0
    box: int = 128
    material: str = "particles"
    noise: str = "gaussian:0.1"
    train_noise: str = ""
    max_shift: float = 10.0
    sources: int = 400
    steps: int = 300
    batch: int = 64
    learning_rate: float = 5e-2
    decay: str = "cosine"
    disturb_shift: float = 5.0
    renoise: float = 1.0
    margin: int = 0
    warm_steps: int = 0
    self_pair_share: float = 0.0
    seed: int = 0
    precision: str = "float32"
    candidates: int = 4
    reach: float = 0.25
    support: str = "disc"
    evaluate_pairs: int = 512
    calibration_pairs: int = 8192

    @property
    def error_period(self) -> float:
        """Modulo how many degrees errors are told: 180 for particles, as in the paper; half-turns are told apart from them."""
        return 180.0 if self.material == "particles" else self.period


# Section 4.1: Adam, 5e-4, x 0.8 every 12,000 steps, batches of 64, shifts up to 10 pixels. The direction head and the self-pairs
# are ours: UDL alone stays on the plateau of a constant output (docs/paper_network.md).
PAPER = {
    "learning_rate": 5e-4,
    "decay": "paper",
    "disturb_shift": 10.0,
    "steps": 100_000,
    "warm_steps": 2000,
    "self_pair_share": 0.25,
}
SMALL = {"learning_rate": 4e-3, "disturb_shift": 10.0, "warm_steps": 100, "self_pair_share": 0.25}
SMALL_NETWORK = {
    "head": "direction",
    "mask_widths": (4, 8, 1),
    "feature_widths": (32, 64, 128),
    "match_widths": (64, 64),
    "dense_widths": (512, 512),
}

PRESETS: dict[str, Config] = {
    "cryo": Config(
        "Noisy particles: correlation over rotations and shifts at low resolution, less than a minute of training.",
        GroupConfig(),
        period=360.0,
        train_noise="gaussian:0.03",
        steps=100,
    ),
    "photo": Config(
        "Photographs or micrographs: the same correlation, compared over the whole frame.",
        GroupConfig(),
        period=360.0,
        steps=100,
        material="photos",
        noise="any",
        support="frame",
    ),
    "cryo-polar": Config("Noisy particles: polar correlation of amplitude spectra, a few dozen weights.", PolarConfig()),
    "cryo-paper": Config(
        "The paper's network on amplitude spectra of particles, full size; for a GPU.",
        SiameseConfig(head="direction", spectrum_crop=128),
        **PAPER,
    ),
    "photo-paper": Config(
        "The paper's network on photographs, full size; for a GPU.",
        SiameseConfig(head="direction"),
        period=360.0,
        material="photos",
        noise="clean",
        renoise=0.0,
        margin=32,
        support="frame",
        **PAPER,
    ),
    "cryo-paper-small": Config(
        "The paper's network on the centre of the spectrum, 32 px, fewer channels; ten minutes on two cores.",
        SiameseConfig(spectrum_crop=32, spectrum_pad=256, spectrum_radius=0.86, **SMALL_NETWORK),
        steps=700,
        **SMALL,
    ),
    "photo-paper-small": Config(
        "The paper's network on photographs of 64 px, fewer channels; half an hour on two cores.",
        SiameseConfig(**SMALL_NETWORK),
        period=360.0,
        box=64,
        material="photos",
        noise="clean",
        renoise=0.0,
        margin=16,
        support="frame",
        max_shift=5.0,
        steps=1000,
        **{**SMALL, "disturb_shift": 5.0, "warm_steps": 300},
    ),
}

SECTION_PRESETS: dict[str, Config] = {name: Config(**fields) for name, fields in SECTION_FIELDS.items()}


def resolve(name: str, **overrides: typing.Any) -> Config:
    """The configuration of a preset, or of a JSON file that `save` wrote, with some fields replaced.

    Args:
        name: key of `PRESETS` or `SECTION_PRESETS`, or path of a ``.json`` file.
        overrides: fields of `Config`; None means: leave as it is.

    Raises:
        InputError: unknown preset or field, or a value of the wrong type.
    """
    known = {**PRESETS, **SECTION_PRESETS}
    config = load(name) if str(name).endswith(".json") else known.get(name)
    if config is None:
        raise InputError(f"unknown preset {name!r}: expected one of {', '.join(known)}, or a .json file")
    fields = {field.name: getattr(config, field.name) for field in dataclasses.fields(Config)}
    for key, value in overrides.items():
        if key not in fields:
            raise InputError(f"unknown setting {key!r}: expected one of {', '.join(fields)}")
        if value is not None:
            fields[key] = _checked(key, value, fields[key])
    if fields["box"] < 2 * HIGHEST + 2:
        raise InputError(f"setting 'box': received {fields['box']}, expected at least {2 * HIGHEST + 2} pixels")
    wanted = registry.network_of(fields["network"]).precisions
    if fields["precision"] not in wanted:
        raise InputError(f"setting 'precision': received {fields['precision']!r}, expected one of {', '.join(wanted)} here")
    return Config(**fields)


def as_dict(config: Config) -> dict:
    """The configuration as plain types, for JSON."""
    return {**dataclasses.asdict(config), "network": registry.as_dict(config.network)}


def load(path: str | os.PathLike) -> Config:
    """The configuration of a JSON file.

    Either all of it, as `as_dict` gives and a run's config.json holds; or ``preset``, the name to begin with, and what is to be
    different: fields of `Config`, and in ``network`` fields of its network, or ``kind`` and fields of another one.

    Raises:
        InputError: no such file, no JSON, fields that are missing, unknown, or of the wrong type.
    """
    try:
        content = json.loads(pathlib.Path(path).read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected a configuration in JSON ({error})") from None
    try:
        content = content.get("config", content)
        if "preset" in content:
            return _changed(**content)
        config = Config(**{**content, "network": registry.from_dict(content["network"])})
    except (KeyError, TypeError, AttributeError, ImportError) as error:
        raise InputError(f"{path}: expected the fields of a configuration ({error})") from None
    plain = [field for field in dataclasses.fields(Config) if isinstance(field.default, (int, float, str))]
    return dataclasses.replace(config, **{f.name: _checked(f.name, getattr(config, f.name), f.default) for f in plain})


def _changed(preset, network=None, **fields):
    """A preset with other fields, and other ones of its network."""
    if str(preset).endswith(".json"):
        raise InputError(f"setting 'preset': received {preset!r}, expected the name of a preset")
    config = resolve(preset, **fields)
    if not network:
        return config
    if "kind" in network:
        network = registry.from_dict(network)
        period = fields.get("period", registry.network_of(network).period(network))
        return dataclasses.replace(config, network=network, period=period)
    known = [field.name for field in dataclasses.fields(config.network)]
    for key in network:
        if key not in known:
            raise InputError(f"unknown setting 'network': {key!r}: expected one of {', '.join(known)}")
    network = {key: tuple(value) if isinstance(value, list) else value for key, value in network.items()}
    return dataclasses.replace(config, network=dataclasses.replace(config.network, **network))


def _checked(key, value, old):
    """The value of a field, converted to its type; whole numbers must be positive but for the seed and the steps."""
    if isinstance(old, (int, float)) and not isinstance(value, (int, float)):
        raise InputError(f"setting {key!r}: received {value!r}, expected a number")
    if isinstance(old, int) and (value != int(value) or value < (0 if key in ("seed", "warm_steps", "margin") else 1)):
        raise InputError(f"setting {key!r}: received {value}, expected a positive whole number")
    return type(old)(value) if isinstance(old, (int, float, str)) else value

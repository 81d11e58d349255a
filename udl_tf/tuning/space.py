"""What is searched: from hyperparameters to a configuration, for each kind of network.

Every range holds the value of the configuration the search starts from, as its default: the default hyperparameters give that
configuration back, field by field. What belongs to one kind of network only is active where that kind is chosen.
"""

import dataclasses

from udl_tf.networks.group import GroupConfig
from udl_tf.networks.polar import PolarConfig
from udl_tf.networks.siamese import HEADS, SiameseConfig

NOISES = ("gaussian:0.03", "gaussian:0.05", "gaussian:0.1", "gaussian:0.2")  # simulated ones, for training
SPECTRUM_SHARE = 4  # the centre of the spectrum that a siamese network may see: the box divided by this


def configuration(hp, base, simulated=False):
    """Declare the space on `hp`, or read the values that it already holds.

    Args:
        hp: `keras_tuner.HyperParameters`.
        base: `udl_tf.presets.Config` the search starts from.
        simulated: whether the training noise is ours to choose: pairs of particles simulated from clean images.

    Returns:
        `udl_tf.presets.Config`: `base` with the values of `hp`; its steps and its seed are those of `base`.
    """
    own = base.network
    if isinstance(own, SiameseConfig):
        network, period = _siamese(hp, own, base)
    elif base.material == "particles":
        network, period = _correlation(hp, own)
    else:  # pictures have no half turn to fold: the group network only
        network, period = _group(hp, own), base.period
    values = {
        "learning_rate": _log(hp, "learning_rate", base.learning_rate / 10.0, base.learning_rate * 5.0, base.learning_rate),
        "decay": _choice(hp, "decay", ("cosine", "paper"), base.decay),
        "renoise": _choice(hp, "renoise", (0.25, 0.5, 1.0, 1.5, 2.0), base.renoise),
        "disturb_shift": _float(hp, "disturb_shift", 0.0, 0.1 * base.box, base.disturb_shift),
        "self_pair_share": _choice(hp, "self_pair_share", (0.0, 0.25, 0.5), base.self_pair_share),
    }
    if simulated:
        values["train_noise"] = _choice(hp, "train_noise", NOISES, base.train_noise)
    return dataclasses.replace(base, network=network, period=period, **values)


def _correlation(hp, own):
    """A correlation network and its period in degrees: over the group, or over the angles of amplitude spectra."""
    kinds = {"group": (_group, GroupConfig, 360.0), "polar": (_polar, PolarConfig, 180.0)}
    start = "group" if isinstance(own, GroupConfig) else "polar"
    chosen, made = _choice(hp, "network", tuple(kinds), start), {}
    for kind, (declare, cls, period) in kinds.items():
        with hp.conditional_scope("network", [kind]):
            if chosen == kind:
                made = declare(hp, own if isinstance(own, cls) else cls()), period
    return made


def _group(hp, own):
    return dataclasses.replace(
        own,
        angles=_choice(hp, "group_angles", (60, 72, 90), own.angles),
        band=_choice(hp, "band", (6, 8, 10, 12, 14, 16), own.band),
        spacing=_choice(hp, "spacing", (1.0 / 32.0, 1.0 / 24.0, 1.0 / 16.0), own.spacing),
        radius=_float(hp, "group_radius", 0.5, 1.0, own.radius),
        sharpness=_log(hp, "group_sharpness", 10.0, 80.0, own.sharpness),
    )


def _polar(hp, own):
    pad = _choice(hp, "pad", (128, 192, 256), own.pad)
    angles = _choice(hp, "polar_angles", (128, 192, 256), own.angles)
    first = _int(hp, "first_ring", 1, 8, own.first_ring)  # at the starting configuration's padding, so that they stay
    last = _int(hp, "last_ring", 20, 72, own.last_ring)  # the same frequencies at any other
    first = max(1, round(first * pad / own.pad))
    return dataclasses.replace(
        own,
        pad=pad,
        first_ring=first,
        last_ring=max(first + 1, round(last * pad / own.pad)),
        angles=angles,
        harmonics=min(own.harmonics, angles // 2),
        transform=_choice(hp, "transform", ("root", "log", "none"), own.transform),
        radius=_float(hp, "polar_radius", 0.5, 1.0, own.radius),
        learn_mask=hp.Boolean("learn_mask", default=own.learn_mask),
        sharpness=_log(hp, "polar_sharpness", 10.0, 80.0, own.sharpness),
    )


def _siamese(hp, own, base):
    """The paper's network and its period; without the spectrum it sees the image, and the full circle."""
    width = _choice(hp, "width", (0.5, 1.0, 2.0), 1.0)  # times the starting configuration's channels
    network = dataclasses.replace(
        own,
        head=_choice(hp, "head", HEADS, own.head),
        feature_widths=tuple(max(1, round(width * n)) for n in own.feature_widths),
        match_widths=tuple(max(1, round(width * n)) for n in own.match_widths),
    )
    if base.material != "particles":
        return network, base.period
    crop = own.spectrum_crop or base.box // SPECTRUM_SHARE
    seen = hp.Boolean("spectrum", default=own.spectrum_crop > 0)
    return dataclasses.replace(network, spectrum_crop=crop if seen else 0), 180.0 if seen else 360.0


def _choice(hp, name, values, own):
    values = [*values] if own in values else [*values, own]
    return hp.Choice(name, values if isinstance(own, str) else sorted(values), default=own)


def _int(hp, name, low, high, own):
    return hp.Int(name, min(low, own), max(high, own), default=own)


def _float(hp, name, low, high, own):
    return hp.Float(name, min(low, own), max(high, own), default=own)


def _log(hp, name, low, high, own):
    return hp.Float(name, min(low, own), max(high, own), sampling="log", default=own)

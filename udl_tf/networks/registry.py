"""The networks there are. To add one: a module with its config, its builder and its `Network`, and a line here."""

import dataclasses

from udl_tf.networks import group, polar, siamese
from udl_tf.networks.entry import Network
from udl_tf.networks.sections import alignment, interpolation, superresolution

NETWORKS: dict[str, Network] = {
    "group": group.NETWORK,
    "polar": polar.NETWORK,
    "siamese": siamese.NETWORK,
    "section-interpolation": interpolation.NETWORK,
    "section-superresolution": superresolution.NETWORK,
    "section-blocks": superresolution.BLOCKS,
    "section-alignment": alignment.NETWORK,
}
PRECISIONS = tuple(dict.fromkeys(precision for network in NETWORKS.values() for precision in network.precisions))


def kind_of(config) -> str:
    """The name in `NETWORKS` of a network's config.

    Raises:
        TypeError: it is the config of none of them.
    """
    for kind, network in NETWORKS.items():
        if type(config) is network.config:
            return kind
    raise TypeError(f"network config of type {type(config).__name__}: expected that of one of {', '.join(NETWORKS)}")


def network_of(config) -> Network:
    """The entry of a network's config; errors as `kind_of`."""
    return NETWORKS[kind_of(config)]


def as_dict(config) -> dict:
    """A network's config as plain types, its kind among them, for JSON."""
    return {"kind": kind_of(config), **dataclasses.asdict(config)}


def from_dict(content: dict):
    """The config that `as_dict` gave; lists become tuples.

    Raises:
        KeyError: no such kind. TypeError: fields that it does not have.
    """
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}
    return NETWORKS[fields.pop("kind")].config(**fields)

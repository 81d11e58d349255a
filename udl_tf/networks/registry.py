"""The networks there are. To add one: a module with its config, its builder and its `Network`, and a line here.

A network of somebody's own needs no line: its kind is ``MODULE:NAME``, where the module has the `Network` of that name, and its
config.
"""

import dataclasses
import importlib
import sys

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


def entry(kind: str) -> Network:
    """The `Network` of a kind: a name in `NETWORKS`, or ``MODULE:NAME``.

    Raises:
        KeyError: no such kind. ImportError: no such module. TypeError: the module has no `Network` of that name, or its config,
            by which it is found again, is not a class of its own in that module.
    """
    module, colon, name = kind.partition(":")
    if not colon:
        return NETWORKS[kind]
    found = getattr(importlib.import_module(module), name, None)
    if not isinstance(found, Network):
        raise TypeError(f"{kind} is of type {type(found).__name__}, expected udl_tf.networks.entry.Network")
    if next((network for _, network in _named(found.config)), None) is not found:
        raise TypeError(f"{kind} has the config {found.config.__name__}, expected a class of its own in {module}")
    return found


def kind_of(config) -> str:
    """The name in `NETWORKS` of a network's config, or ``MODULE:NAME`` of the `Network` beside a config of somebody's own.

    Raises:
        TypeError: it is the config of none of them.
    """
    for kind, _ in _named(type(config)):
        return kind
    raise TypeError(f"network config of type {type(config).__name__}: expected that of one of {', '.join(NETWORKS)}")


def _named(config):
    """Generate (kind, `Network`) of a class of configs: from `NETWORKS`, then from the module of the class."""
    own = sys.modules[config.__module__]
    beside = {f"{own.__name__}:{name}": value for name, value in vars(own).items() if isinstance(value, Network)}
    for kind, network in {**NETWORKS, **beside}.items():
        if network.config is config:
            yield kind, network


def network_of(config) -> Network:
    """The entry of a network's config; errors as `kind_of`."""
    return entry(kind_of(config))


def as_dict(config) -> dict:
    """A network's config as plain types, its kind among them, for JSON."""
    return {"kind": kind_of(config), **dataclasses.asdict(config)}


def from_dict(content: dict):
    """The config that `as_dict` gave; lists become tuples.

    Raises:
        KeyError, ImportError: no such kind. TypeError: fields that it does not have; and as `entry`.
    """
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}
    return entry(fields.pop("kind")).config(**fields)
